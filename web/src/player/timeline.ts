/**
 * One audio element, one MediaSource and one SourceBuffer for the life of the page: the tracks that are played lie on
 * it end to end, each at its exact length, so that going on to the next one is nothing that the decoder could notice.
 *
 * Appends and removals are queued; one runs at a time. What is appended is put at `timestampOffset` and cut to
 * [windowStart, windowEnd) by the browser, which trims inside a frame (Media Source Extensions, section 3.5.8).
 */

export interface Placement {
  mime: string;
  /** Where the segment's own time 0 falls on the timeline, in seconds. */
  timestampOffset: number;
  windowStart: number;
  windowEnd: number;
}

interface Operation {
  /** Starts the work. False: there was nothing to wait for. */
  run: (buffer: SourceBuffer) => boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

const FIRST_MIME = 'audio/mp4; codecs="mp4a.40.2"';
/** Room for every island (engine.ts), and still exact to a microsecond in a double. */
export const DURATION_SECONDS = 200_000_000;
/** What stays behind the playhead when room is needed, and when tidying up. */
const BACK_SECONDS = 20;

export function isQuotaError(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}

export class Timeline {
  readonly audio: HTMLAudioElement;
  /** The media element gave up (a decoder's failure, or the source was closed under us). */
  onFailure: (error: MediaError | null) => void = () => {};

  private source: MediaSource | null = null;
  private buffer: SourceBuffer | null = null;
  private mime = FIRST_MIME;
  private operations: Operation[] = [];
  private current: Operation | null = null;

  constructor(audio: HTMLAudioElement) {
    this.audio = audio;
    audio.addEventListener('error', () => this.onFailure(audio.error));
    this.open();
  }

  /** Begins again with an empty source; whatever was queued is refused. */
  open(): void {
    const refused = this.current === null ? this.operations : [this.current, ...this.operations];
    this.operations = [];
    this.current = null;
    for (const it of refused) it.reject(new DOMException('the timeline was reset', 'AbortError'));

    const source = new MediaSource();
    this.source = source;
    this.buffer = null;
    this.mime = FIRST_MIME;
    const url = URL.createObjectURL(source);
    source.addEventListener('sourceopen', () => {
      URL.revokeObjectURL(url);
      if (this.source === source && this.buffer === null) this.addBuffer(source);
    });
    this.audio.src = url;
  }

  get buffered(): TimeRanges | null {
    return this.buffer !== null && this.source?.readyState !== 'closed' ? this.buffer.buffered : null;
  }

  append(data: BufferSource, where: Placement): Promise<void> {
    return this.queue((buffer) => {
      this.reopen(buffer);
      if (where.mime !== this.mime) {
        buffer.changeType(where.mime);
        this.mime = where.mime;
      }
      // A parser in the middle of a segment refuses a new offset; segments here are whole.
      buffer.timestampOffset = where.timestampOffset;
      if (where.windowStart >= buffer.appendWindowEnd) {
        buffer.appendWindowEnd = where.windowEnd;
        buffer.appendWindowStart = where.windowStart;
      } else {
        buffer.appendWindowStart = where.windowStart;
        buffer.appendWindowEnd = where.windowEnd;
      }
      buffer.appendBuffer(data);
      return true;
    });
  }

  remove(start: number, end: number): Promise<void> {
    return this.queue((buffer) => {
      if (end <= start) return false;
      this.reopen(buffer);
      buffer.remove(start, end);
      return true;
    });
  }

  /** Moves the playhead; after the end too, where the browser would hold it at what was buffered then. */
  seek(seconds: number): void {
    if (this.buffer !== null) this.reopen(this.buffer);
    this.audio.currentTime = seconds;
  }

  /** Drops what was played a while ago. Returns whether there was anything to drop. */
  async trimBack(): Promise<boolean> {
    const limit = this.audio.currentTime - BACK_SECONDS;
    const ranges = this.buffered;
    if (ranges === null || ranges.length === 0 || ranges.start(0) >= limit - 1) return false;
    await this.remove(0, limit);
    return true;
  }

  /** Nothing follows: the decoder may play its last frame and the element fires `ended`. */
  finish(): Promise<void> {
    return this.queue(() => {
      if (this.source?.readyState === 'open') this.source.endOfStream();
      return false;
    });
  }

  private addBuffer(source: MediaSource): void {
    source.duration = DURATION_SECONDS;
    const buffer = source.addSourceBuffer(this.mime);
    this.buffer = buffer;
    buffer.addEventListener('updateend', () => this.complete());
    this.next();
  }

  /** finish() made the source as long as what was there; one that goes on is open and long again. */
  private reopen(buffer: SourceBuffer): void {
    if (this.source?.readyState !== 'ended' || buffer.updating) return;
    // Setting an offset opens an ended source (Media Source Extensions, section 5.1).
    buffer.timestampOffset = buffer.timestampOffset + 0;
    this.source.duration = DURATION_SECONDS;
  }

  private queue(run: Operation['run']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.operations.push({ run, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    while (this.current === null && this.buffer !== null && !this.buffer.updating) {
      const operation = this.operations.shift();
      if (operation === undefined) return;
      this.current = operation;
      try {
        if (operation.run(this.buffer)) return;
        this.current = null;
        operation.resolve();
      } catch (error) {
        this.current = null;
        operation.reject(error);
      }
    }
  }

  private complete(): void {
    const operation = this.current;
    this.current = null;
    operation?.resolve();
    this.next();
  }
}

/**
 * Brings one track onto the timeline: hls.js reads the playlists, chooses the rendition, loads and retries; what it
 * wants appended goes through `TimelineBuffer`, which puts it at the track's place and cuts off what the encoder added.
 */
import type {
  BufferAppendingData,
  BufferCodecsData,
  BufferFlushingData,
  ComponentAPI,
  ErrorData,
  Fragment,
  FragParsedData,
  HlsConfig,
  MediaAttachingData,
  default as HlsType,
} from 'hls.js';
import { at, lost } from '../api/gateways';
import type { StreamInfo } from '../api/types';
import { readPriming, withoutEditList } from './mp4';
import { isQuotaError, type Placement, type Timeline } from './timeline';
import { TrackMedia } from './track_media';

export type Quality = 'auto' | 'lossless' | 'saver';
/** expired: the address is no longer good. gone: there is no such track. broken: it can't be decoded. */
export type LoadFailure = 'expired' | 'gone' | 'broken';

export interface TrackLoaderEvents {
  onAppended: () => void;
  /** Everything up to the last sample is on the timeline. */
  onComplete: () => void;
  onFailure: (why: LoadFailure) => void;
  onNetwork: (isUp: boolean) => void;
}

export interface TrackLoaderOptions {
  stream: StreamInfo;
  windowStart: number;
  windowEnd: number;
  quality: Quality;
  /** Bits a second that were measured before; null at first. */
  bandwidth: number | null;
}

type HlsModule = typeof import('hls.js/light');

const AHEAD_SECONDS = 8;
const CURRENT_SECONDS = 40;
/** A file may be this much shorter than its tags and tables say. */
const COMPLETE_SLACK_SECONDS = 0.1;
/** hls.js' own 0.25 s would leave out a last segment of a single frame. Ours are cut on exact frames. */
const LOOKUP_TOLERANCE_SECONDS = 0.005;
const FIRST_BANDWIDTH = 3_000_000;
const SAVER_BITRATE_MAX = 100_000;
const STATUS_GONE = [404, 410];
const STATUS_EXPIRED = [401, 403];
/** hls.js has not begun to load again what it aborted. */
const STUCK_MS = 500;
/** The server has too much to do: hls.js would give up. */
const STATUS_BUSY = [408, 429];

let loaded: HlsModule | null = null;
let loading: Promise<HlsModule> | null = null;

/** hls.js comes in a chunk of its own, asked for when the page is idle or something is about to play. */
export function loadHls(): Promise<HlsModule> {
  loading ??= import('hls.js/light').then(
    (module) => (loaded = module),
    (error: unknown) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

/** Stands in for hls.js' own buffer controller: same events, but the buffer is the shared timeline. */
class TimelineBuffer implements ComponentAPI {
  private readonly hls: HlsType;
  private readonly events: HlsModule['Events'];
  private readonly loader: TrackLoader;
  private mime = '';
  private isCreated = false;
  private isAlive = true;

  constructor(hls: HlsType, module: HlsModule, loader: TrackLoader) {
    this.hls = hls;
    this.events = module.Events;
    this.loader = loader;
    const { Events } = module;
    hls.on(Events.MEDIA_ATTACHING, this.onAttaching, this);
    hls.on(Events.BUFFER_CODECS, this.onCodecs, this);
    hls.on(Events.BUFFER_APPENDING, this.onAppending, this);
    hls.on(Events.BUFFER_FLUSHING, this.onFlushing, this);
    hls.on(Events.FRAG_PARSED, this.onParsed, this);
  }

  destroy(): void {
    this.isAlive = false;
  }

  hasSourceTypes(): boolean {
    return this.isCreated;
  }

  get bufferedToEnd(): boolean {
    return this.loader.isComplete;
  }

  private onAttaching(_: string, data: MediaAttachingData): void {
    this.hls.trigger(this.events.MEDIA_ATTACHED, { media: data.media });
  }

  private onCodecs(_: string, data: BufferCodecsData): void {
    const audio = data.audio;
    if (audio === undefined) return;
    this.mime = `${audio.container}; codecs="${audio.codec ?? audio.levelCodec ?? ''}"`;
    if (this.isCreated) return;
    this.isCreated = true;
    this.hls.trigger(this.events.BUFFER_CREATED, { tracks: {} });
  }

  private onAppending(_: string, data: BufferAppendingData): void {
    const isInit = data.frag.sn === 'initSegment' || !this.loader.isSegment(data.data);
    if (isInit) this.readInit(data.data);
    const { loader } = this;
    const where: Placement = {
      mime: this.mime,
      timestampOffset: loader.windowStart - loader.media.delaySeconds,
      windowStart: loader.windowStart,
      windowEnd: loader.windowEnd,
    };
    const bytes = isInit ? withoutEditList(data.data) : data.data;
    loader.append(bytes, where).then(
      () => {
        if (this.isAlive) this.onAppended(data, isInit);
      },
      () => {
        if (this.isAlive) loader.fail('broken');
      },
    );
  }

  private readInit(init: Uint8Array): void {
    const { stream, media } = this.loader;
    const { samples, timescale } = readPriming(init);
    const isAac = this.mime.includes('mp4a');
    // The server measured its encoder's delay; an edit list counts where it has none to tell.
    if (isAac && stream.encoderDelay > 0) media.delaySeconds = stream.encoderDelay / stream.sampleRate;
    else media.delaySeconds = samples !== null && timescale > 0 ? samples / timescale : 0;
  }

  private onAppended({ type, frag, part, chunkMeta, parent }: BufferAppendingData, isInit: boolean): void {
    const timeRanges = { [type]: this.loader.media.buffered };
    this.hls.trigger(this.events.BUFFER_APPENDED, { type, frag, part, chunkMeta, parent, timeRanges });
    if (!isInit) this.loader.noteAppended();
  }

  /** Everything of a fragment was handed over; it is buffered when what was queued before this is done. */
  private onParsed(_: string, { frag, part, chunkMeta }: FragParsedData): void {
    this.loader.settled().then(() => {
      if (!this.isAlive) return;
      frag.stats.buffering.end = performance.now();
      const stats = part?.stats ?? frag.stats;
      this.hls.trigger(this.events.FRAG_BUFFERED, { frag, part, stats, id: frag.type, chunkMeta });
      if (frag.endList === true) this.loader.noteEnd();
    }, ignore);
  }

  private onFlushing(_: string, data: BufferFlushingData): void {
    const { loader } = this;
    loader.flush(data.startOffset, data.endOffset).then(() => {
      if (!this.isAlive) return;
      const { startOffset: start, endOffset: end } = data;
      this.hls.trigger(this.events.BUFFER_FLUSHED, { type: data.type ?? 'audio', start, end });
    }, ignore);
  }
}

function ignore(): void {
  // The timeline was reset: whoever did so loads again.
}

export class TrackLoader {
  readonly stream: StreamInfo;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly media: TrackMedia;
  isComplete = false;
  private readonly timeline: Timeline;
  private readonly quality: Quality;
  private readonly events: TrackLoaderEvents;
  private readonly firstBandwidth: number;
  private hls: HlsType | null = null;
  private isActive = false;
  private isDisposed = false;
  private isNetworkUp = true;
  /** Where loading begins once the playlist is there: a seek before that changes it. */
  private startsAt = 0;
  private hasPlaylist = false;
  private restarting: ReturnType<typeof setTimeout> | undefined;
  private stuck: ReturnType<typeof setTimeout> | undefined;
  /** The segment that hls.js began to load last. */
  private segment: Fragment | null = null;

  constructor(timeline: Timeline, options: TrackLoaderOptions, events: TrackLoaderEvents) {
    this.timeline = timeline;
    this.stream = options.stream;
    this.windowStart = options.windowStart;
    this.windowEnd = options.windowEnd;
    this.quality = options.quality;
    this.firstBandwidth = options.bandwidth ?? FIRST_BANDWIDTH;
    this.events = events;
    this.media = new TrackMedia(timeline, options.windowStart, options.windowEnd);
  }

  get bandwidth(): number | null {
    return this.hls?.bandwidthEstimate ?? null;
  }

  start(atSeconds: number): void {
    this.media.currentTime = atSeconds;
    this.startsAt = atSeconds;
    if (loaded !== null) this.startWith(loaded);
    else
      loadHls().then(
        (module) => {
          if (!this.isDisposed) this.startWith(module);
        },
        () => this.setNetwork(false),
      );
  }

  /** The playhead is in this track: load as far ahead as a pause in the network may last. */
  activate(): void {
    this.isActive = true;
    this.media.activate();
    if (this.hls !== null) {
      this.hls.config.maxBufferLength = CURRENT_SECONDS;
      this.hls.config.maxMaxBufferLength = CURRENT_SECONDS;
    }
  }

  /** The playhead was moved here; loads again what is not there. */
  seekTo(seconds: number): void {
    if (this.isBuffered(seconds) && this.isComplete) return;
    this.isComplete = false;
    this.restart(seconds);
  }

  /**
   * hls.js 1.7 hears of a load that it aborted only after it has begun the next one, takes that for the end of the
   * initialisation segment that both need, aborts the next one, too, and waits for it for good. While it is stopped it
   * takes such news for none: it is stopped until they have come.
   */
  private restart(seconds: number): void {
    this.startsAt = seconds;
    if (!this.hasPlaylist) return;
    this.hls?.stopLoad();
    this.restarting ??= setTimeout(() => {
      this.restarting = undefined;
      this.hls?.startLoad(this.startsAt + this.media.delaySeconds);
    }, 0);
  }

  /** Until it is sought. */
  private halt(): void {
    clearTimeout(this.restarting);
    clearTimeout(this.stuck);
    this.restarting = undefined;
    this.segment = null;
    this.hls?.stopLoad();
  }

  /** Where hls.js itself went on elsewhere, to another rendition say, the same happens to it. */
  private onAborted({ frag }: ErrorData): void {
    if (frag === undefined || frag !== this.segment || this.restarting !== undefined) return;
    clearTimeout(this.stuck);
    this.stuck = setTimeout(() => {
      if (frag === this.segment && !this.isComplete) this.restart(this.media.currentTime - this.media.delaySeconds);
    }, STUCK_MS);
  }

  isBuffered(seconds: number): boolean {
    return this.bufferedAfter(seconds) > 0;
  }

  /** Seconds of sound from a point of the track on without a hole. */
  bufferedAfter(seconds: number): number {
    const { buffered, delaySeconds } = this.media;
    const at = seconds + delaySeconds;
    for (let i = 0; i < buffered.length; i++) {
      if (at >= buffered.start(i) - 0.01 && at < buffered.end(i)) return buffered.end(i) - at;
    }
    return 0;
  }

  retryNow(): void {
    if (!this.isComplete) this.restart(this.media.currentTime - this.media.delaySeconds);
  }

  dispose(): void {
    this.isDisposed = true;
    // Nobody waits for it any more.
    this.setNetwork(true);
    this.media.deactivate();
    this.halt();
    this.hls?.destroy();
    this.hls = null;
  }

  // What TimelineBuffer needs.

  isSegment(data: Uint8Array): boolean {
    // An initialisation segment holds `moov`; it begins with `ftyp` or with `moov` itself.
    const type = String.fromCharCode(...data.subarray(4, 8));
    return type !== 'ftyp' && type !== 'moov';
  }

  async append(data: BufferSource, where: Placement): Promise<void> {
    try {
      await this.timeline.append(data, where);
    } catch (error) {
      if (!isQuotaError(error)) throw error;
      await this.timeline.trimBack();
      await this.timeline.append(data, where);
    }
  }

  flush(start: number, end: number): Promise<void> {
    return this.timeline.remove(this.windowStart + start, Math.min(this.windowStart + end, this.windowEnd));
  }

  settled(): Promise<void> {
    return this.timeline.remove(0, 0);
  }

  noteAppended(): void {
    this.events.onAppended();
  }

  /**
   * The last segment is on the timeline. The ranges alone don't tell: the browser joins them over a hole of a frame,
   * and the next track may lie behind already.
   */
  noteEnd(): void {
    const { media } = this;
    const at = media.currentTime - media.delaySeconds;
    const left = this.windowEnd - this.windowStart - at;
    if (this.bufferedAfter(at) >= left - COMPLETE_SLACK_SECONDS) this.noteComplete();
  }

  private noteComplete(): void {
    if (this.isComplete) return;
    this.isComplete = true;
    // What is left to load, if anything, was all padding.
    this.halt();
    this.events.onComplete();
  }

  fail(why: LoadFailure): void {
    this.halt();
    this.events.onFailure(why);
  }

  private startWith(module: HlsModule): void {
    const { default: Hls, Events } = module;
    const loader = this;
    const retry = { maxNumRetry: 1000, retryDelayMs: 500, maxRetryDelayMs: 8000, backoff: 'exponential' as const };
    const policy = {
      default: {
        maxTimeToFirstByteMs: 10_000,
        maxLoadTimeMs: 60_000,
        timeoutRetry: { ...retry },
        errorRetry: { ...retry, shouldRetry },
      },
    };
    const seconds = this.isActive ? CURRENT_SECONDS : AHEAD_SECONDS;
    const config: Partial<HlsConfig> = {
      // Segments are fMP4: nothing to remux, so a worker would only cost its start.
      enableWorker: false,
      autoStartLoad: false,
      startFragPrefetch: true,
      testBandwidth: false,
      lowLatencyMode: false,
      maxBufferLength: seconds,
      maxMaxBufferLength: seconds,
      backBufferLength: Infinity,
      maxFragLookUpTolerance: LOOKUP_TOLERANCE_SECONDS,
      abrEwmaDefaultEstimate: this.firstBandwidth,
      abrEwmaDefaultEstimateMax: Math.max(this.firstBandwidth, FIRST_BANDWIDTH),
      manifestLoadPolicy: policy,
      playlistLoadPolicy: policy,
      fragLoadPolicy: policy,
      // Asked before each attempt: the node that the playlist came from may have ended.
      xhrSetup: (xhr, url) => xhr.open('GET', at(url), true),
      // The timeline has no holes to jump over, and its playhead is the engine's alone.
      gapController: undefined as unknown as NonNullable<HlsConfig['gapController']>,
      bufferController: class extends TimelineBuffer {
        constructor(hls: HlsType) {
          super(hls, module, loader);
        }
      } as unknown as NonNullable<HlsConfig['bufferController']>,
    };
    const hls = new Hls(config);
    this.hls = hls;
    hls.on(Events.ERROR, (_, data) => this.onError(data));
    for (const event of [Events.MANIFEST_LOADED, Events.LEVEL_LOADED, Events.FRAG_LOADED] as const)
      hls.on(event, () => this.setNetwork(true));
    hls.on(Events.BUFFER_EOS, () => this.noteComplete());
    hls.on(Events.FRAG_LOADING, (_, { frag }) => {
      if (frag.sn === 'initSegment') return;
      clearTimeout(this.stuck);
      this.segment = frag;
    });
    hls.on(Events.FRAG_LOADED, (_, { frag }) => {
      if (frag === this.segment) this.segment = null;
    });
    hls.on(Events.MANIFEST_PARSED, () => {
      this.hasPlaylist = true;
      this.keepRenditions(hls);
      hls.startLoad(this.startsAt);
    });
    hls.attachMedia({ media: this.media as unknown as HTMLMediaElement });
    hls.loadSource(at(this.stream.hls));
  }

  /** A track stays with one codec: AAC and FLAC put different delays before the music and would leave a hole. */
  private keepRenditions(hls: HlsType): void {
    const isLossless = (codec: string | undefined) => /^flac$/i.test(codec ?? '');
    const hasLossless = hls.levels.some((it) => isLossless(it.audioCodec));
    const wantsLossless = this.quality === 'lossless' && hasLossless;
    const keep = hls.levels.map((it) => isLossless(it.audioCodec) === wantsLossless);
    if (!keep.includes(true)) return;
    for (let i = keep.length - 1; i >= 0; i--) if (keep[i] !== true) hls.removeLevel(i);
    if (this.quality !== 'saver') return;
    for (let i = hls.levels.length - 1; i > 0; i--)
      if ((hls.levels[i]?.bitrate ?? 0) > SAVER_BITRATE_MAX) hls.removeLevel(i);
  }

  private onError(data: ErrorData): void {
    if (this.isDisposed) return;
    const status = data.response?.code ?? 0;
    if (data.details === 'aborted') this.onAborted(data);
    else if (STATUS_EXPIRED.includes(status)) this.fail('expired');
    else if (STATUS_GONE.includes(status)) this.fail('gone');
    else if (data.type === 'networkError') this.onUnreached();
    else if (data.fatal) this.fail('broken');
  }

  /** hls.js asks again by itself, later and later; at another node it need not wait. */
  private onUnreached(): void {
    this.setNetwork(false);
    void lost();
  }

  private setNetwork(isUp: boolean): void {
    if (isUp === this.isNetworkUp) return;
    this.isNetworkUp = isUp;
    this.events.onNetwork(isUp);
  }
}

function shouldRetry(
  _config: unknown,
  _count: number,
  _isTimeout: boolean,
  response: { code?: number } | undefined,
  retry: boolean,
): boolean {
  const status = response?.code ?? 0;
  if (STATUS_EXPIRED.includes(status) || STATUS_GONE.includes(status)) return false;
  return retry || status === 0 || status >= 500 || STATUS_BUSY.includes(status);
}

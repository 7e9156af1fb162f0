/**
 * A track's own view of the timeline, in the shape of a media element: only the track's own part is buffered, and its
 * times are those of its playlist, which begin with what the encoder put before the music (`delaySeconds`). hls.js
 * loads into this as if the track were alone, whether it plays now or comes next.
 */
import type { Timeline } from './timeline';

type Range = readonly [start: number, end: number];

/** Setting a time this near is no seek: a seek costs a flush of the decoder. */
const SAME_TIME_SECONDS = 0.05;

class Ranges implements TimeRanges {
  private readonly ranges: readonly Range[];

  constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
  }

  get length(): number {
    return this.ranges.length;
  }

  start(index: number): number {
    return this.at(index)[0];
  }

  end(index: number): number {
    return this.at(index)[1];
  }

  private at(index: number): Range {
    const range = this.ranges[index];
    if (range === undefined) throw new DOMException('no such range', 'IndexSizeError');
    return range;
  }
}

export class TrackMedia extends EventTarget {
  readonly playbackRate = 1;
  readonly defaultPlaybackRate = 1;
  readonly error = null;
  readonly muted = false;
  readonly volume = 1;
  readonly autoplay = false;
  readonly preload = 'auto';
  readonly src = '';
  readonly currentSrc = '';

  /** Known once the initialisation segment was read. */
  delaySeconds = 0;

  private readonly timeline: Timeline;
  private readonly windowStart: number;
  private readonly windowEnd: number;
  private isActive = false;
  private waitsAt = 0;

  constructor(timeline: Timeline, windowStart: number, windowEnd: number) {
    super();
    this.timeline = timeline;
    this.windowStart = windowStart;
    this.windowEnd = windowEnd;
  }

  /** The playhead entered this track: from now on the element's time, state and events are this one's. */
  activate(): void {
    if (this.isActive) return;
    this.isActive = true;
    for (const name of FORWARDED) this.timeline.audio.addEventListener(name, this.forward);
  }

  deactivate(): void {
    this.isActive = false;
    for (const name of FORWARDED) this.timeline.audio.removeEventListener(name, this.forward);
  }

  get currentTime(): number {
    if (!this.isActive) return this.waitsAt + this.delaySeconds;
    return this.delaySeconds + Math.max(0, this.timeline.audio.currentTime - this.windowStart);
  }

  set currentTime(seconds: number) {
    if (!this.isActive) this.waitsAt = Math.max(0, seconds - this.delaySeconds);
    else if (Math.abs(seconds - this.currentTime) > SAME_TIME_SECONDS)
      this.timeline.audio.currentTime = this.windowStart + seconds - this.delaySeconds;
  }

  get duration(): number {
    return this.windowEnd - this.windowStart + this.delaySeconds;
  }

  get buffered(): TimeRanges {
    const all = this.timeline.buffered;
    const own: Range[] = [];
    const zero = this.windowStart - this.delaySeconds;
    for (let i = 0; all !== null && i < all.length; i++) {
      const start = Math.max(all.start(i), this.windowStart);
      const end = Math.min(all.end(i), this.windowEnd);
      if (end > start) own.push([start - zero, end - zero]);
    }
    return new Ranges(own);
  }

  get played(): TimeRanges {
    return new Ranges([]);
  }

  get seekable(): TimeRanges {
    return new Ranges([[0, this.duration]]);
  }

  get seeking(): boolean {
    return this.isActive && this.timeline.audio.seeking;
  }

  get paused(): boolean {
    return !this.isActive || this.timeline.audio.paused;
  }

  get ended(): boolean {
    return false;
  }

  get readyState(): number {
    if (this.isActive) return this.timeline.audio.readyState;
    return this.buffered.length > 0 ? HTMLMediaElement.HAVE_ENOUGH_DATA : HTMLMediaElement.HAVE_NOTHING;
  }

  private readonly forward = (event: Event): void => {
    this.dispatchEvent(new Event(event.type));
  };
}

/**
 * Not among them: `ended`, for the timeline's end is no news to a track; and `seeking`, upon which hls.js would begin to
 * load elsewhere without stopping first (`TrackLoader.restart`).
 */
const FORWARDED = ['seeked', 'playing', 'waiting', 'timeupdate', 'pause', 'play', 'stalled'] as const;

/**
 * What makes the sound. It knows of tracks and seconds, not of sessions, servers or React.
 *
 * The timeline (timeline.ts) is divided into islands far apart. A track that follows another gapless lies right behind
 * it on the same island; one that was chosen by hand begins a new island. Going to a track that is already there, be it
 * the next one or one that the pointer rests on, is a seek inside what is buffered.
 */
import type { StreamInfo } from '../api/types';
import { elementVolume } from './gain';
import { DURATION_SECONDS, Timeline } from './timeline';
import { TrackLoader, loadHls, type LoadFailure, type Quality } from './track_loader';

export interface PlayItem {
  /** The queue entry, or what stands for it until the server named it. */
  key: string;
  trackId: string;
  stream: StreamInfo;
  durationMs: number;
  gainDecibel: number;
}

export interface EngineEvents {
  /** The playhead crossed into the item that `setNext` named. */
  onAdvanced: (item: PlayItem) => void;
  /** The last item was played to its end. */
  onEnded: (item: PlayItem) => void;
  /** Playing, waiting, seeking or the item changed. */
  onChange: () => void;
  onFailure: (item: PlayItem, why: LoadFailure) => void;
  onNetwork: (isUp: boolean) => void;
  /** The browser wants a click before it makes sound. */
  onBlocked: () => void;
  /** Something other than `pause` stopped it: headphones pulled out, a call. */
  onInterrupted: () => void;
}

interface Slot {
  item: PlayItem;
  loader: TrackLoader;
  /** Seconds, on the timeline. */
  start: number;
  end: number;
}

const ISLAND_SECONDS = 20_000;
const ISLAND_COUNT = DURATION_SECONDS / ISLAND_SECONDS;
/** From here on an island takes no further track: the next begins a new one. */
const ISLAND_FULL_SECONDS = 15_000;
/** The next track is fetched once this much of the current one is there, or all of it. */
const NEXT_AFTER_SECONDS = 6;
/** The playhead stops this much before the end when nothing follows in time. */
const BOUNDARY_SECONDS = 0.02;
/** A track may be this much shorter than was said: the element ends there. */
const END_SLACK_SECONDS = 0.1;
/** Until then something may still be put into the queue. */
const FINISH_SECONDS = 3;
const RESTARTS_MAX = 3;

/** Exact length: gapless joins depend on it. */
export function lengthSeconds(item: Pick<PlayItem, 'stream' | 'durationMs'>): number {
  const { samples, sampleRate } = item.stream;
  return samples > 0 && sampleRate > 0 ? samples / sampleRate : item.durationMs / 1000;
}

export class Engine {
  readonly audio: HTMLAudioElement;
  private readonly timeline: Timeline;
  private readonly events: EngineEvents;
  private current: Slot | null = null;
  private next: Slot | null = null;
  private spare: Slot | null = null;
  private wantedNext: PlayItem | null = null;
  private quality: Quality = 'auto';
  private volumePercent = 100;
  /**
   * The wish. The element tells of what was done to it later, when the wish may be another one: what it tells counts
   * only where the element still is as it was told.
   */
  private wantsPlaying = false;
  private attempt = 0;
  private bandwidth: number | null = null;
  private island = 0;
  private boundaryTimer: ReturnType<typeof setTimeout> | undefined;
  private restarts = 0;
  private hasFinished = false;
  /** The timeline was ended at the end of the current track, although more may have followed since. */
  private mayEnd = false;

  constructor(audio: HTMLAudioElement, events: EngineEvents) {
    this.audio = audio;
    this.events = events;
    this.timeline = new Timeline(audio);
    this.timeline.onFailure = () => this.restart();
    for (const name of ['playing', 'waiting', 'seeked', 'timeupdate'] as const)
      audio.addEventListener(name, () => this.onClock());
    audio.addEventListener('pause', () => this.onPause());
    audio.addEventListener('ended', () => this.onEnd());
  }

  get item(): PlayItem | null {
    return this.current?.item ?? null;
  }

  get nextItem(): PlayItem | null {
    return this.next?.item ?? null;
  }

  get isPlaying(): boolean {
    return this.wantsPlaying;
  }

  get isWaiting(): boolean {
    return this.wantsPlaying && this.current !== null && this.audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  get positionSeconds(): number {
    const { current } = this;
    if (current === null) return 0;
    return Math.min(Math.max(0, this.audio.currentTime - current.start), current.end - current.start);
  }

  private get lengthSeconds(): number {
    return this.current === null ? 0 : this.current.end - this.current.start;
  }

  get bufferedSeconds(): number {
    return this.current?.loader.bufferedAfter(this.positionSeconds) ?? 0;
  }

  /** Fetches what playing needs beside the track itself. */
  warmUp(): void {
    loadHls().catch(() => {
      // Asked again when something is played, which then says that the network is down.
    });
  }

  setQuality(quality: Quality): void {
    if (quality === this.quality) return;
    this.quality = quality;
    this.drop('spare');
    this.drop('next');
    this.placeNext();
  }

  setVolume(percent: number): void {
    this.volumePercent = percent;
    this.applyVolume();
  }

  setGain(decibel: number): void {
    if (this.current === null) return;
    this.current.item = { ...this.current.item, gainDecibel: decibel };
    this.applyVolume();
  }

  /** Loads the beginning of a track that may be chosen next. */
  prepare(item: PlayItem): void {
    const isThere = [this.current, this.next, this.spare].some((it) => it?.item.trackId === item.trackId);
    if (isThere) return;
    this.drop('spare');
    this.spare = this.place(item, this.newIsland(), 0);
  }

  start(item: PlayItem, atSeconds: number, isPlaying: boolean): void {
    const slot = this.take(item, atSeconds) ?? this.place(item, this.newIsland(), atSeconds);
    const old = this.current;
    this.current = slot;
    slot.item = item;
    slot.loader.activate();
    if (old !== null) this.discard(old);
    if (this.next !== null) this.drop('next');
    this.wantedNext = null;
    this.hasFinished = this.mayEnd = false;
    this.applyVolume();
    this.timeline.seek(slot.start + atSeconds);
    if (isPlaying) this.play();
    else this.pause();
    this.events.onChange();
  }

  /** The server gave the entry its name. */
  rename(key: string): void {
    if (this.current !== null) this.current.item = { ...this.current.item, key };
  }

  setNext(item: PlayItem | null): void {
    this.wantedNext = item;
    const isSame = item !== null && this.next?.item.trackId === item.trackId;
    if (isSame && this.next !== null) {
      this.next.item = item;
      return;
    }
    this.drop('next');
    this.placeNext();
  }

  play(): void {
    if (this.current === null) return;
    this.wantsPlaying = true;
    const attempt = ++this.attempt;
    this.audio.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      if (attempt !== this.attempt) return;
      this.wantsPlaying = false;
      this.events.onBlocked();
      this.events.onChange();
    });
    this.events.onChange();
  }

  pause(): void {
    this.wantsPlaying = false;
    this.attempt++;
    this.audio.pause();
    clearTimeout(this.boundaryTimer);
    this.events.onChange();
  }

  seek(seconds: number): void {
    const { current } = this;
    if (current === null) return;
    const at = Math.min(Math.max(0, seconds), Math.max(0, current.end - current.start - 0.05));
    this.timeline.seek(current.start + at);
    current.loader.seekTo(at);
    this.hasFinished = this.mayEnd = false;
    if (this.wantsPlaying && this.audio.paused) this.play();
    this.events.onChange();
  }

  /** Forgets the track: nothing is chosen, or another device plays. */
  stop(): void {
    this.pause();
    this.drop('next');
    this.wantedNext = null;
    if (this.current !== null) this.discard(this.current);
    this.current = null;
    this.events.onChange();
  }

  /** A new address for the track that plays, after the old one was refused. */
  renew(stream: StreamInfo): void {
    const { current } = this;
    if (current === null) return;
    const at = this.positionSeconds;
    current.item = { ...current.item, stream };
    current.loader.dispose();
    current.loader = this.load(current, at);
    current.loader.activate();
  }

  /** The network is back: whoever waits for a retry need not. */
  retryNow(): void {
    for (const slot of [this.current, this.next, this.spare]) slot?.loader.retryNow();
  }

  private take(item: PlayItem, atSeconds: number): Slot | null {
    for (const name of ['next', 'spare'] as const) {
      const slot = this[name];
      if (slot === null || slot.item.trackId !== item.trackId) continue;
      if (atSeconds !== 0 && !slot.loader.isBuffered(atSeconds)) continue;
      this[name] = null;
      return slot;
    }
    return null;
  }

  private place(item: PlayItem, start: number, atSeconds: number): Slot {
    const end = start + lengthSeconds(item);
    const slot = { item, start, end } as Slot;
    slot.loader = this.load(slot, atSeconds);
    return slot;
  }

  private load(slot: Slot, atSeconds: number): TrackLoader {
    const loader: TrackLoader = new TrackLoader(
      this.timeline,
      {
        stream: slot.item.stream,
        windowStart: slot.start,
        windowEnd: slot.end,
        quality: this.quality,
        bandwidth: this.bandwidth,
      },
      {
        onAppended: () => {
          this.bandwidth = loader.bandwidth;
          this.onClock();
        },
        onComplete: () => this.onComplete(slot),
        onFailure: (why) => this.onFailure(slot, why),
        onNetwork: (isUp) => this.events.onNetwork(isUp),
      },
    );
    loader.start(atSeconds);
    return loader;
  }

  private placeNext(): void {
    const { current, wantedNext } = this;
    if (current === null || wantedNext === null || this.next !== null) return;
    const ahead = current.loader.bufferedAfter(this.positionSeconds);
    if (ahead < NEXT_AFTER_SECONDS && !current.loader.isComplete) return;
    const isFull = current.end % ISLAND_SECONDS > ISLAND_FULL_SECONDS;
    this.hasFinished = false;
    this.next = this.place(wantedNext, isFull ? this.newIsland() : current.end, 0);
  }

  private newIsland(): number {
    this.island = (this.island + 1) % ISLAND_COUNT;
    return this.island * ISLAND_SECONDS;
  }

  private drop(name: 'next' | 'spare'): void {
    const slot = this[name];
    if (slot === null) return;
    this[name] = null;
    this.discard(slot);
  }

  private discard(slot: Slot): void {
    slot.loader.dispose();
    this.timeline.remove(slot.start, slot.end).catch(ignore);
  }

  private onClock(): void {
    this.advance();
    this.placeNext();
    this.finishIfLast();
    this.armBoundary();
    this.events.onChange();
  }

  /** A timer for the moment of the join: `timeupdate` comes only four times a second. */
  private armBoundary(): void {
    clearTimeout(this.boundaryTimer);
    const { current } = this;
    if (current === null || this.audio.paused) return;
    const left = current.end - this.audio.currentTime;
    if (left < 1) this.boundaryTimer = setTimeout(() => this.onClock(), Math.max(4, left * 1000 - 2));
  }

  private advance(): void {
    const { current, next } = this;
    if (current === null || next === null) return;
    if (this.audio.seeking || this.audio.currentTime < current.end - BOUNDARY_SECONDS) return;
    const isJoined = next.start === current.end;
    // At the end of what is buffered the playhead waits; in the middle it is only about to arrive.
    if (isJoined && this.audio.currentTime < next.start && !this.audio.paused && next.loader.bufferedAfter(0) > 0) return;
    this.current = next;
    this.next = null;
    this.wantedNext = null;
    this.restarts = 0;
    current.loader.dispose();
    next.loader.activate();
    this.applyVolume();
    if (!isJoined) this.timeline.seek(next.start);
    if (this.mayEnd) this.resume();
    this.mayEnd = false;
    this.timeline.trimBack().catch(ignore);
    this.events.onAdvanced(next.item);
  }

  private onComplete(slot: Slot): void {
    if (slot === this.current) this.onClock();
  }

  /** Near the end and nothing follows: lets the last frame out and has `ended` fired. */
  private finishIfLast(): void {
    const { current } = this;
    if (current === null || this.hasFinished || this.wantedNext !== null || this.next !== null) return;
    if (!current.loader.isComplete || current.end - this.audio.currentTime > FINISH_SECONDS) return;
    this.hasFinished = this.mayEnd = true;
    this.timeline.finish().catch(ignore);
  }

  private onEnd(): void {
    const { current } = this;
    this.mayEnd = false;
    if (current === null) return;
    if (!this.audio.ended || this.next !== null) {
      // The playhead was moved since, or more has followed.
      this.onClock();
      this.resume();
      return;
    }
    this.wantsPlaying = false;
    this.events.onEnded(current.item);
    this.events.onChange();
  }

  /** At its end the element pauses itself; `play` alone would take it back to its very beginning. */
  private resume(): void {
    if (!this.wantsPlaying || !this.audio.paused) return;
    if (this.audio.ended) this.timeline.seek(this.audio.currentTime);
    this.play();
  }

  private onPause(): void {
    if (!this.wantsPlaying || !this.audio.paused || this.audio.error !== null) return;
    // At its end it pauses itself, and says next that it ended.
    if (this.audio.ended || (this.mayEnd && this.positionSeconds > this.lengthSeconds - END_SLACK_SECONDS)) return;
    this.wantsPlaying = false;
    this.events.onInterrupted();
    this.events.onChange();
  }

  private onFailure(slot: Slot, why: LoadFailure): void {
    if (slot === this.spare) this.drop('spare');
    else if (slot === this.next) {
      this.drop('next');
      this.events.onFailure(slot.item, why);
    } else if (slot === this.current) this.events.onFailure(slot.item, why);
  }

  /** The decoder failed: once more from here with an empty timeline, a few times. */
  private restart(): void {
    const { current } = this;
    if (current === null) {
      this.timeline.open();
      return;
    }
    if (++this.restarts > RESTARTS_MAX) {
      this.events.onFailure(current.item, 'broken');
      return;
    }
    const at = this.positionSeconds;
    const follows = this.wantedNext;
    const wasPlaying = this.wantsPlaying;
    for (const slot of [current, this.next, this.spare]) slot?.loader.dispose();
    this.current = this.next = this.spare = null;
    this.timeline.open();
    this.start(current.item, at, wasPlaying);
    this.setNext(follows);
  }

  private applyVolume(): void {
    this.audio.volume = elementVolume(this.volumePercent, this.current?.item.gainDecibel ?? 0);
  }
}

function ignore(): void {
  // The timeline was reset: there is nothing left to remove or to end.
}

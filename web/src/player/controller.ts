/**
 * Between the session, which the server keeps and all devices share, and the engine, which makes the sound here.
 *
 * What the session is, is sync.ts' matter: the server's newest word, and what was asked for since laid over it; the result
 * is what the page shows. After every change the engine is made to follow: it plays when this device is the active one, and is silent otherwise. What the engine does by itself (it went
 * on to the next track, it is 10 s further) is reported.
 */
import { newCommandId } from '../api/command_id';
import { mutations, subscriptions } from '../api/documents';
import { asApiError, type ErrorCode } from '../api/errors';
import { command, untilAnswered } from '../api/graphql';
import { subscribe } from '../api/live';
import { onMoved } from '../api/gateways';
import { useReach } from '../api/reach';
import type { Repeat, Session, Track, QueuePlace, StreamInfo } from '../api/types';
import { useSettings } from '../app_settings';
import { deviceName, takeDeviceId } from './device';
import { Engine, type PlayItem } from './engine';
import { gainDecibel } from './gain';
import { positionNow } from './position';
import { currentEntry, currentIndex, isTemporary, nextEntry, patches, previousEntry, temporaryEntries, type Patch } from './queue';
import { fetchStream, knownStream } from './streams';
import { usePlayback } from './store';
import { Sync, type Asked, type Kind } from './sync';

export type Problem = ErrorCode | 'GONE' | 'BROKEN';

/** Of several that wait to be sent only the last one counts. */
const LAST_WINS: readonly string[] = [mutations.seek, mutations.reportProgress];
const REPORT_EVERY_MS = 10_000;
/** A position that somebody else set is followed when it is this far from here. */
const FOLLOW_MS = 400;
/** "Previous" begins the track again once it played this long. */
const AGAIN_MS = 3_000;
const VOLUME_SETTLE_MS = 200;
const SKIPS_MAX = 5;
class Controller {
  /** Told of what went wrong, to say it. */
  onProblem: (problem: Problem, what: string) => void = () => {};

  private engine: Engine | null = null;
  private deviceId = '';
  /** Another one for every listener: what comes late for the one before finds no one. */
  private sync = new Sync();
  private lastCommand: Promise<unknown> = Promise.resolve();
  private localVolume = 100;
  /** What waits for the slider to rest. */
  private volume: { asked: Asked; deviceId: string; timer: ReturnType<typeof setTimeout> } | null = null;
  private reportTimer: ReturnType<typeof setInterval> | undefined;
  private loadingStreamOf = '';
  /** Tracks for which a new address is asked. */
  private renewing = new Set<string>();
  private skips = 0;
  private stop: (() => void) | null = null;

  /** Joins the listener's devices. Called when somebody is signed in. */
  async start(): Promise<void> {
    this.deviceId = await takeDeviceId();
    usePlayback.setState({ deviceId: this.deviceId });
    this.engine ??= this.makeEngine();
    this.reportTimer = setInterval(() => this.report(), REPORT_EVERY_MS);
    const unsubscribe = subscribe<{ session: Session }>(
      subscriptions.session,
      { deviceId: this.deviceId, deviceName: deviceName() },
      ({ session }, isFirst) => {
        this.sync.take(session, isFirst);
        this.follow();
      },
    );
    const unfollow = useSettings.subscribe(() => this.applySettings());
    const unwatch = useReach.subscribe(({ isReachable }) => {
      if (isReachable) this.engine?.retryNow();
    });
    const unmove = onMoved(() => this.engine?.retryNow());
    this.applySettings();
    this.stop = () => {
      unsubscribe();
      unfollow();
      unwatch();
      unmove();
    };
  }

  /** Signed out. */
  leave(): void {
    this.stop?.();
    this.stop = null;
    clearInterval(this.reportTimer);
    clearTimeout(this.volume?.timer);
    this.volume = null;
    this.engine?.stop();
    this.sync = new Sync();
    this.lastCommand = Promise.resolve();
    this.publish(null);
  }

  get audio(): HTMLAudioElement | null {
    return this.engine?.audio ?? null;
  }

  get trackId(): string | null {
    return this.engine?.item?.trackId ?? null;
  }

  /** Commands that wait for their answer or to be sent. */
  get unanswered(): number {
    return this.sync.unanswered;
  }

  /** Milliseconds into the current track, on whatever device it plays. */
  positionMs(): number {
    const { session, isActive } = usePlayback.getState();
    if (session === null) return 0;
    if (isActive && this.engine?.item !== null && this.engine?.item !== undefined && this.engine.item.key === session.currentEntryId)
      return this.engine.positionSeconds * 1000;
    const duration = currentEntry(session)?.track.durationMs ?? 0;
    return positionNow(session, this.sync.offsetMs, Date.now(), duration);
  }

  // What a listener can ask for.

  playTracks(tracks: readonly Track[], startIndex = 0, positionMs = 0): void {
    const playable = tracks.filter((it) => it.isAvailable);
    const first = tracks[startIndex];
    const index = Math.max(0, playable.findIndex((it) => it === first));
    if (playable.length === 0) return;
    this.unblock();
    const entries = temporaryEntries(playable, newCommandId());
    this.send(
      mutations.playTracks,
      { deviceId: this.deviceId, trackIds: playable.map((it) => it.id), startIndex: index },
      patches.playTracks(entries, index, this.deviceId, this.serverNow()),
      'placement',
      0,
    );
    if (positionMs > 0) this.seek(positionMs);
  }

  /** The pointer rests on it: a click may follow. */
  prepare(track: Track): void {
    const stream = knownStream(track);
    if (stream === null || this.engine === null || !track.isAvailable) return;
    if (usePlayback.getState().session === null) return;
    this.engine.prepare(this.itemOf('', track, stream, false));
  }

  enqueue(tracks: readonly Track[], place: QueuePlace): void {
    const entries = temporaryEntries(tracks, newCommandId());
    const asked = this.send(mutations.enqueue, { trackIds: tracks.map((it) => it.id), place }, patches.enqueue(entries, place));
    asked.onSend = (it, base) => {
      it.patch = patches.enqueue(entries, place, new Set(base?.queue.map((entry) => entry.id)));
    };
  }

  removeFromQueue(entryId: string): void {
    if (isTemporary(entryId)) return;
    const isCurrent = usePlayback.getState().session?.currentEntryId === entryId;
    const kind = isCurrent ? 'placement' : 'edit';
    this.send(mutations.removeFromQueue, { entryIds: [entryId] }, patches.remove([entryId]), kind, isCurrent ? 0 : null);
  }

  moveInQueue(entryId: string, index: number): void {
    if (isTemporary(entryId)) return;
    this.send(mutations.moveQueueEntry, { entryId, index }, patches.move(entryId, index));
  }

  clearQueue(): void {
    this.send(mutations.clearQueue, {}, patches.clear, 'placement');
  }

  toggle(): void {
    const { session, isBlocked } = usePlayback.getState();
    if (session === null || session.currentEntryId === null) return;
    if (session.isPlaying && !isBlocked) this.pause();
    else this.play();
  }

  /** Goes on here, or where it plays; a device that is gone is replaced by this one. */
  play(): void {
    const { session } = usePlayback.getState();
    if (session === null || session.currentEntryId === null) return;
    const active = session.devices.find((it) => it.id === session.activeDeviceId);
    const deviceId = active?.isOnline === true && !this.isHere(session) ? active.id : this.deviceId;
    this.playEntry(session.currentEntryId, this.positionMs(), deviceId);
  }

  playEntry(entryId: string, positionMs = 0, deviceId = this.activeOrThis()): void {
    const at = Math.round(positionMs);
    if (deviceId === this.deviceId) {
      this.unblock();
      this.jump(entryId, at);
    }
    const asked = this.send(
      mutations.play,
      { deviceId, entryId: isTemporary(entryId) ? null : entryId, positionMs: at },
      patches.play(deviceId, entryId, at, this.serverNow()),
      'placement',
      at,
    );
    if (!isTemporary(entryId)) return;
    const trackId = usePlayback.getState().session?.queue.find((it) => it.id === entryId)?.track.id;
    asked.onSend = (it, base) => {
      if (base !== null) it.variables = { ...it.variables, entryId: namedEntry(base, trackId) };
    };
  }

  /** It is loaded already: only the position may differ. */
  private jump(entryId: string, positionMs: number): void {
    const { engine } = this;
    if (engine === null || engine.item?.key !== entryId) return;
    if (Math.abs(engine.positionSeconds * 1000 - positionMs) > FOLLOW_MS) engine.seek(positionMs / 1000);
  }

  pause(): void {
    const positionMs = Math.round(this.positionMs());
    this.send(mutations.pause, { positionMs }, patches.pause(positionMs, this.serverNow()), 'placement', positionMs);
  }

  seek(positionMs: number): void {
    const session = usePlayback.getState().session;
    if (session === null || session.currentEntryId === null) return;
    const duration = currentEntry(session)?.track.durationMs ?? 0;
    const at = Math.round(Math.min(Math.max(0, positionMs), duration));
    if (this.isHere(session)) this.engine?.seek(at / 1000);
    this.send(mutations.seek, { positionMs: at }, patches.seek(at, this.serverNow()), 'placement', at);
  }

  next(): void {
    const session = usePlayback.getState().session;
    const entry = session === null ? null : nextEntry(session, true);
    if (entry !== null) this.playEntry(entry.id);
  }

  previous(): void {
    const session = usePlayback.getState().session;
    if (session === null) return;
    const entry = previousEntry(session);
    if (entry === null || this.positionMs() > AGAIN_MS) this.seek(0);
    else this.playEntry(entry.id);
  }

  setRepeat(repeat: Repeat): void {
    this.send(mutations.setRepeat, { repeat }, patches.repeat(repeat));
  }

  setShuffle(isShuffled: boolean): void {
    this.send(mutations.setShuffle, { isShuffled }, patches.shuffle(isShuffled));
  }

  /** Of the device that plays, which may be another one. */
  setVolume(volume: number): void {
    const deviceId = this.activeOrThis();
    const level = Math.round(Math.min(100, Math.max(0, volume)));
    if (deviceId === this.deviceId) {
      this.localVolume = level;
      this.engine?.setVolume(level);
    }
    this.askVolume(deviceId, level);
  }

  /** Shown at once; sent when the slider rests. */
  private askVolume(deviceId: string, level: number): void {
    const variables = { deviceId, volume: level };
    const patch = patches.volume(deviceId, level);
    if (this.volume !== null && this.volume.deviceId !== deviceId) this.sendVolume();
    if (this.volume === null) {
      const asked = this.sync.ask(mutations.setVolume, variables, patch);
      this.volume = { asked, deviceId, timer: setTimeout(() => this.sendVolume(), VOLUME_SETTLE_MS) };
    } else {
      Object.assign(this.volume.asked, { variables, patch });
      clearTimeout(this.volume.timer);
      this.volume.timer = setTimeout(() => this.sendVolume(), VOLUME_SETTLE_MS);
    }
    this.follow();
  }

  private sendVolume(): void {
    if (this.volume === null) return;
    clearTimeout(this.volume.timer);
    this.queue(this.volume.asked);
    this.volume = null;
  }

  transferTo(deviceId: string): void {
    const positionMs = this.positionMs();
    if (deviceId === this.deviceId) this.unblock();
    else this.report();
    this.send(
      mutations.transferPlayback,
      { deviceId },
      patches.transfer(deviceId, positionMs, this.serverNow()),
      'placement',
    );
  }

  forgetDevice(deviceId: string): void {
    this.send(mutations.forgetDevice, { deviceId }, (it) => ({
      ...it,
      devices: it.devices.filter((device) => device.id !== deviceId),
    }));
  }

  /** Fetches the decoder side of things while nothing else is to do. */
  warmUp(): void {
    this.engine?.warmUp();
  }

  // The session.

  private serverNow(): string {
    return new Date(Date.now() + this.sync.offsetMs).toISOString();
  }

  private isHere(session: Session): boolean {
    return session.activeDeviceId === this.deviceId;
  }

  private activeOrThis(): string {
    const session = usePlayback.getState().session;
    const active = session?.devices.find((it) => it.id === session.activeDeviceId);
    return active?.isOnline === true ? active.id : this.deviceId;
  }

  /** Commands are sent one after the other: their order is what the listener did. */
  private send(
    mutation: string,
    variables: Record<string, unknown>,
    patch: Patch,
    kind: Kind = 'edit',
    positionMs: number | null = null,
  ): Asked {
    const waiting = LAST_WINS.includes(mutation) ? this.sync.lastWaiting(mutation) : null;
    const asked = waiting ?? this.sync.ask(mutation, variables, patch, kind, positionMs);
    if (waiting === null) this.queue(asked);
    else Object.assign(waiting, { variables, patch, positionMs });
    this.follow();
    return asked;
  }

  private queue(asked: Asked): void {
    const { sync } = this;
    this.lastCommand = this.lastCommand.then(() => (sync === this.sync ? this.carryOut(asked, sync) : undefined));
  }

  private async carryOut(asked: Asked, sync: Sync): Promise<void> {
    try {
      const variables = sync.send(asked);
      if (variables !== null) sync.answered(asked, (await command<{ session: Session }>(asked.mutation, variables)).session);
    } catch (error) {
      sync.failed(asked);
      if (sync === this.sync) this.onProblem(asApiError(error).code, asApiError(error).detail);
    }
    if (sync === this.sync) this.follow();
  }

  /** Shows the session and makes the engine do what it says. */
  private follow(): void {
    const session = this.sync.view;
    if (session !== null && this.engine !== null) this.steer(session, this.engine);
    this.publish(session);
  }

  private steer(session: Session, engine: Engine): void {
    const entry = currentEntry(session);
    const mine = session.devices.find((it) => it.id === this.deviceId);
    if (mine !== undefined && mine.volume !== this.localVolume) {
      this.localVolume = mine.volume;
      engine.setVolume(mine.volume);
    }
    if (!this.isHere(session) || entry === null) {
      if (engine.item !== null) engine.stop();
      return;
    }
    this.adopt(session, engine);
    const isPlaying = session.isPlaying && !usePlayback.getState().isBlocked;
    if (engine.item?.key !== entry.id) this.load(session, engine, isPlaying);
    else {
      this.followPosition(session, engine);
      if (isPlaying !== engine.isPlaying) {
        if (isPlaying) engine.play();
        else engine.pause();
      }
    }
    this.offerNext(session, engine);
  }

  /** The entry that plays under a name of our own got its real one. */
  private adopt(session: Session, engine: Engine): void {
    const { item } = engine;
    const entry = currentEntry(session);
    if (item === null || entry === null || item.key === entry.id || item.trackId !== entry.track.id) return;
    const isGone = !session.queue.some((it) => it.id === item.key);
    if (isTemporary(item.key) || (isTemporary(entry.id) && isGone && !this.isRestart(session))) engine.rename(entry.id);
  }

  /** The same track was asked for once more: it begins again. */
  private isRestart(session: Session): boolean {
    return session.positionMs === 0 && this.sync.isPlacing;
  }

  private followPosition(session: Session, engine: Engine): void {
    if (!this.sync.isPlacedElsewhere) return;
    this.sync.follow();
    const duration = currentEntry(session)?.track.durationMs ?? 0;
    const wanted = positionNow(session, this.sync.offsetMs, Date.now(), duration);
    if (Math.abs(wanted - engine.positionSeconds * 1000) > FOLLOW_MS) engine.seek(wanted / 1000);
  }

  private load(session: Session, engine: Engine, isPlaying: boolean): void {
    const entry = currentEntry(session);
    if (entry === null) return;
    const stream = knownStream(entry.track);
    if (stream === null) {
      this.loadLater(entry.track.id);
      return;
    }
    const at = positionNow(session, this.sync.offsetMs, Date.now(), entry.track.durationMs);
    // What passed since a command of our own was only our own slowness.
    const seconds = (this.sync.isPlacing ? session.positionMs : at) / 1000;
    this.sync.follow();
    engine.start(this.itemOf(entry.id, entry.track, stream, isAlbumInOrder(session)), seconds, isPlaying);
  }

  private loadLater(trackId: string): void {
    if (this.loadingStreamOf === trackId) return;
    this.loadingStreamOf = trackId;
    fetchStream(trackId)
      .catch((error: unknown) => this.onProblem(asApiError(error).code, asApiError(error).detail))
      .finally(() => {
        this.loadingStreamOf = '';
        this.follow();
      });
  }

  private offerNext(session: Session, engine: Engine): void {
    const entry = nextEntry(session);
    if (entry === null || !useSettings.getState().isGapless || session.repeat === 'ONE') {
      engine.setNext(null);
      return;
    }
    const stream = knownStream(entry.track);
    if (stream !== null) engine.setNext(this.itemOf(entry.id, entry.track, stream, isAlbumInOrder(session)));
    else if (this.loadingStreamOf === '') this.loadLater(entry.track.id);
  }

  private itemOf(key: string, track: Track, stream: StreamInfo, isAlbum: boolean): PlayItem {
    const gain = useSettings.getState().isNormalised ? gainDecibel(stream, isAlbum) : 0;
    return { key, trackId: track.id, stream, durationMs: track.durationMs, gainDecibel: gain };
  }

  private applySettings(): void {
    const { engine } = this;
    const { quality, isNormalised } = useSettings.getState();
    if (engine === null) return;
    engine.setQuality(quality);
    const { session } = usePlayback.getState();
    if (engine.item !== null && session !== null)
      engine.setGain(isNormalised ? gainDecibel(engine.item.stream, isAlbumInOrder(session)) : 0);
    this.follow();
  }

  // The engine.

  private makeEngine(): Engine {
    const audio = document.createElement('audio');
    audio.dataset['testid'] = 'audio';
    audio.preload = 'auto';
    document.body.append(audio);
    return new Engine(audio, {
      onAdvanced: (item) => {
        this.skips = 0;
        this.reportAs(item.key, 0, true);
      },
      onEnded: (item) => this.onEnded(item),
      onChange: () => this.publish(usePlayback.getState().session),
      onFailure: (item, why) => {
        if (why === 'expired') void this.renewStream(item);
        else this.skip(item, why === 'gone' ? 'GONE' : 'BROKEN');
      },
      onNetwork: (isUp) => usePlayback.setState({ isStreamDown: !isUp }),
      onBlocked: () => this.onBlocked(),
      onInterrupted: () => this.pause(),
    });
  }

  private onEnded(item: PlayItem): void {
    const { session } = usePlayback.getState();
    const entry = session === null ? null : nextEntry(session);
    if (entry !== null) this.playEntry(entry.id);
    else {
      this.engine?.seek(0);
      this.reportAs(item.key, 0, false);
    }
  }

  /**
   * A refused address has stopped the loader for good: from here on somebody must be on the way to a new one, or say
   * that there is none. One question a track; what its old address is refused meanwhile asks for nothing more.
   */
  private async renewStream(item: PlayItem): Promise<void> {
    const { trackId } = item;
    if (this.renewing.has(trackId)) return;
    this.renewing.add(trackId);
    const isCurrent = () => this.engine?.item?.trackId === trackId;
    try {
      const stream = await untilAnswered(() => fetchStream(trackId), isCurrent);
      this.renewing.delete(trackId);
      if (isCurrent()) this.engine?.renew(stream);
      else this.follow();
    } catch (error) {
      this.renewing.delete(trackId);
      const { code, detail } = asApiError(error);
      if (code === 'UNAUTHENTICATED' || !isCurrent()) this.onProblem(code, detail);
      else this.skip(this.engine?.item ?? item, code === 'NOT_FOUND' ? 'GONE' : 'BROKEN');
    }
  }

  /** It can't be played: says so and goes on, unless nothing at all can be played. */
  private skip(item: PlayItem, problem: Problem): void {
    const { session } = usePlayback.getState();
    const broken = session?.queue.find((it) => it.id === item.key);
    this.onProblem(problem, broken?.track.title ?? '');
    if (this.engine?.item?.key !== item.key || session === null) return;
    const entry = nextEntry(session, true);
    if (entry === null || ++this.skips > SKIPS_MAX) this.pause();
    else this.playEntry(entry.id);
  }

  /** No sound without a click: the session waits for it. */
  private onBlocked(): void {
    usePlayback.setState({ isBlocked: true });
    this.pause();
  }

  private unblock(): void {
    usePlayback.setState({ isBlocked: false });
  }

  private report(): void {
    const item = this.engine?.item;
    if (item === null || item === undefined || this.engine?.isPlaying !== true) return;
    // While commands wait for the network one more would only be late.
    if (this.sync.unanswered > 0) return;
    this.reportAs(item.key, this.engine.positionSeconds * 1000, true);
  }

  private reportAs(entryId: string, positionMs: number, isPlaying: boolean): void {
    if (isTemporary(entryId)) return;
    const at = Math.round(positionMs);
    this.send(
      mutations.reportProgress,
      { deviceId: this.deviceId, entryId, positionMs: at, isPlaying },
      patches.progress(entryId, at, isPlaying, this.serverNow()),
      'report',
    );
  }

  private publish(session: Session | null): void {
    const old = usePlayback.getState();
    const isActive = session !== null && this.isHere(session);
    const next = {
      session,
      isActive,
      isPlaying: session?.isPlaying ?? false,
      isWaiting: isActive && (this.engine?.isWaiting ?? false),
    };
    const isSame =
      old.session === next.session &&
      old.isActive === next.isActive &&
      old.isPlaying === next.isPlaying &&
      old.isWaiting === next.isWaiting;
    if (!isSame) usePlayback.setState(next);
  }
}

/** The entry that a name of our own has stood for; null: the current one, or it is not there. */
function namedEntry(base: Session, trackId: string | undefined): string | null {
  if (currentEntry(base)?.track.id === trackId) return null;
  return base.queue.find((it) => it.track.id === trackId)?.id ?? null;
}

/** The neighbours in the queue are from the same album, one behind the other. */
function isAlbumInOrder(session: Session): boolean {
  const index = currentIndex(session);
  const current = session.queue[index]?.track;
  if (current === undefined) return false;
  return [session.queue[index - 1]?.track, session.queue[index + 1]?.track].some(
    (it) => it !== undefined && it.album.id === current.album.id && Math.abs(it.number - current.number) === 1,
  );
}

export const player = new Controller();

/**
 * The session as the listener means it: the server's newest word, and over it what was asked for here since.
 *
 * The server's words come on two ways, as messages and as answers, so an older one may come after a newer one, and what
 * this page asked for may come back before its answer or long after. Therefore:
 *
 * - Only a newer version replaces `base`. A lower one counts where a server was set back to a backup: the first message
 *   of a new connection.
 * - What was asked for lies over `base` as a patch until its answer is here, whatever comes in between. A patch says how
 *   things are afterwards, not by how much they change, so that it may lie over a `base` that has it already.
 * - Where playback is, is known best by what plays. It follows a placement (Session.placement) of somebody else, and
 *   never what comes back of its own: neither its commands nor its reports.
 * - A report that was made before somebody else's placement is void, here as on the server.
 *
 * No browser, no network, no clock but the times it is given.
 */
import type { Session } from '../api/types';
import { clockOffset } from './position';
import type { Patch } from './queue';

type Variables = Record<string, unknown>;

/** edit: of queue and settings. placement: where or whether playback goes on. report: where it is by itself. */
export type Kind = 'edit' | 'placement' | 'report';

export interface Asked {
  readonly mutation: string;
  readonly kind: Kind;
  variables: Variables;
  patch: Patch;
  /** Of a placement: the position it sets; null: the server knows it, or there is none. */
  positionMs: number | null;
  /** Made again when it is sent: by then all that was asked before is answered. */
  onSend: ((asked: Asked, base: Session | null) => void) | null;
  isSent: boolean;
  isVoid: boolean;
}

export const EMPTY: Session = {
  version: 0,
  placement: 0,
  queue: [],
  currentEntryId: null,
  isPlaying: false,
  positionMs: 0,
  positionAt: new Date(0).toISOString(),
  serverTime: new Date(0).toISOString(),
  repeat: 'OFF',
  isShuffled: false,
  activeDeviceId: null,
  devices: [],
};

const SET_BACK_MS = 2_000;

export class Sync {
  /** How far the server's clock is ahead of ours. */
  offsetMs = 0;
  private newest: Session | null = null;
  private asked: Asked[] = [];
  /** What plays here goes by this one; null: by none. */
  private placement: number | null = null;

  get base(): Session | null {
    return this.newest;
  }

  /** As it will be when all that was asked is carried out; null before the first word of anybody. */
  get view(): Session | null {
    if (this.newest === null && this.asked.length === 0) return null;
    return this.asked.reduce((it, { patch, isVoid }) => (isVoid ? it : patch(it)), this.newest ?? EMPTY);
  }

  get unanswered(): number {
    return this.asked.length;
  }

  /** Where playback goes on was said here, and is not answered: the server's position is an older one. */
  get isPlacing(): boolean {
    return this.asked.some((it) => it.kind === 'placement');
  }

  /** Somebody else placed playback, and what plays here doesn't go by that yet. */
  get isPlacedElsewhere(): boolean {
    return this.newest !== null && !this.isPlacing && this.newest.placement !== this.placement;
  }

  /** What plays here goes by the newest word now. */
  follow(): void {
    if (this.newest !== null && !this.isPlacing) this.placement = this.newest.placement;
  }

  ask(mutation: string, variables: Variables, patch: Patch, kind: Kind = 'edit', positionMs: number | null = null): Asked {
    const asked: Asked = { mutation, variables, patch, kind, positionMs, onSend: null, isSent: false, isVoid: false };
    this.asked.push(asked);
    return asked;
  }

  /** The newest of that name, if it still waits to be sent and nothing was asked after it. */
  lastWaiting(mutation: string): Asked | null {
    const last = this.asked.at(-1);
    return last !== undefined && !last.isSent && last.mutation === mutation ? last : null;
  }

  /** It is about to be sent. Null: it has become void and is not. */
  send(asked: Asked): Variables | null {
    if (asked.isVoid) {
      this.drop(asked);
      return null;
    }
    asked.isSent = true;
    asked.onSend?.(asked, this.newest);
    if (asked.kind !== 'report' || this.placement === null) return asked.variables;
    return { ...asked.variables, placement: this.placement };
  }

  answered(asked: Asked, session: Session): void {
    this.drop(asked);
    const isOurs = asked.positionMs === null || asked.positionMs === session.positionMs;
    if (asked.kind === 'placement' && isOurs) this.placement = session.placement;
    this.take(session);
  }

  /** Refused: what plays here was wrong, and goes by the server's word. */
  failed(asked: Asked): void {
    this.drop(asked);
    if (asked.kind === 'placement') this.placement = null;
    this.voidReports();
  }

  /** A word of the server. `isFirst`: of a new connection. */
  take(session: Session, isFirst = false, nowMs = Date.now()): void {
    if (this.newest === null || !isOvertaken(session, this.newest, isFirst)) {
      this.tellTime(clockOffset(session.serverTime, nowMs), isFirst || this.newest === null);
      this.newest = session;
    }
    this.voidReports();
  }

  private drop(asked: Asked): void {
    this.asked = this.asked.filter((it) => it !== asked);
  }

  private voidReports(): void {
    if (!this.isPlacedElsewhere) return;
    for (const it of this.asked) if (it.kind === 'report') it.isVoid = true;
  }

  /** A message that took long makes the server's clock look slow: the quickest one tells best. */
  private tellTime(offsetMs: number, isFirst: boolean): void {
    const isSlow = offsetMs < this.offsetMs && this.offsetMs - offsetMs < SET_BACK_MS;
    if (isFirst || !isSlow) this.offsetMs = offsetMs;
  }
}

function isOvertaken(session: Session, newest: Session, isFirst: boolean): boolean {
  if (session.version >= newest.version) return false;
  return !isFirst || Date.parse(session.serverTime) - Date.parse(newest.serverTime) <= SET_BACK_MS;
}

/** Short words to the listener: shown for a while, and read out by a screen reader. */
import { create } from 'zustand';
import { t, type MessageKey } from '../i18n';
import type { Problem } from '../player/controller';

export interface Notice {
  id: number;
  text: string;
  isProblem: boolean;
}

const SHOWN_MS = 5_000;
const SHOWN_MAX = 3;

export const useNotices = create<{ notices: Notice[] }>(() => ({ notices: [] }));

let lastId = 0;

export function notify(text: string, isProblem = false): void {
  const id = ++lastId;
  useNotices.setState(({ notices }) => ({
    notices: [...notices.filter((it) => it.text !== text), { id, text, isProblem }].slice(-SHOWN_MAX),
  }));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  useNotices.setState(({ notices }) => ({ notices: notices.filter((it) => it.id !== id) }));
}

/** Says what went wrong. `what` is the name of the thing, where there is one. */
export function say(problem: Problem, what = ''): void {
  const key = `problem.${problem}` as MessageKey;
  notify(t(key, { what }), true);
}

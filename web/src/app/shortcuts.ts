/** Keys for the whole page. They rest while one types, and where a control uses the key itself. */
import { useEffect } from 'react';
import { useNavigate } from 'react-router';
import { player } from '../player/controller';
import { usePlayback } from '../player/store';
import type { MessageKey } from '../i18n';
import { SEARCH_ID, ui } from './ui';

const SEEK_MS = 5_000;
const VOLUME_STEP = 5;

interface Shortcut {
  keys: string[];
  /** As the help shows it. */
  shown: string[];
  label: MessageKey;
  run: (goTo: (path: string) => void) => void;
}

let volumeBeforeMute = 80;

function volume(): number {
  const { session, deviceId } = usePlayback.getState();
  const id = session?.activeDeviceId ?? deviceId;
  return session?.devices.find((it) => it.id === id)?.volume ?? 100;
}

export function toggleMute(): void {
  const now = volume();
  if (now > 0) volumeBeforeMute = now;
  player.setVolume(now > 0 ? 0 : volumeBeforeMute);
}

/** Where the page runs from right to left, so does time. */
function forward(): number {
  return document.documentElement.dir === 'rtl' ? -1 : 1;
}

/** From anywhere into the box; what was searched for stays, chosen, so that typing replaces it. */
function goToSearch(goTo: (path: string) => void): void {
  ui.closeNowPlaying();
  if (!window.location.pathname.startsWith('/search')) goTo('/search');
  requestAnimationFrame(() => {
    const box = document.getElementById(SEARCH_ID);
    if (box instanceof HTMLInputElement) {
      box.focus();
      box.select();
    }
  });
}

/** This one works while one types, too. */
function isSearchKey(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k';
}

export const shortcuts: readonly Shortcut[] = [
  { keys: [' ', 'k'], shown: ['Space', 'K'], label: 'help.playPause', run: () => player.toggle() },
  {
    keys: ['ArrowRight'],
    shown: ['→'],
    label: 'help.forward',
    run: () => player.seek(player.positionMs() + forward() * SEEK_MS),
  },
  {
    keys: ['ArrowLeft'],
    shown: ['←'],
    label: 'help.back',
    run: () => player.seek(player.positionMs() - forward() * SEEK_MS),
  },
  { keys: ['N'], shown: ['Shift', 'N'], label: 'help.next', run: () => player.next() },
  { keys: ['P'], shown: ['Shift', 'P'], label: 'help.previous', run: () => player.previous() },
  { keys: ['+', '='], shown: ['+'], label: 'help.louder', run: () => player.setVolume(volume() + VOLUME_STEP) },
  { keys: ['-'], shown: ['−'], label: 'help.quieter', run: () => player.setVolume(volume() - VOLUME_STEP) },
  { keys: ['m'], shown: ['M'], label: 'help.mute', run: toggleMute },
  { keys: ['q'], shown: ['Q'], label: 'help.queue', run: ui.toggleQueue },
  { keys: ['l'], shown: ['L'], label: 'help.lyrics', run: () => ui.openNowPlaying(true) },
  { keys: ['/'], shown: ['/'], label: 'help.search', run: goToSearch },
  // Its keys are isSearchKey's.
  { keys: [], shown: ['Ctrl', 'K'], label: 'help.searchTyping', run: goToSearch },
  { keys: ['?'], shown: ['?'], label: 'help.help', run: () => ui.setHelp(true) },
];

/** Keys that a focused control has a use for: it keeps them. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest('input, textarea, select, [role="menu"], [role="listbox"]') !== null)
    return true;
  if (event.key === ' ') return target.closest('button, a, [role="button"], [role="switch"], [role="radio"]') !== null;
  if (event.key.startsWith('Arrow')) return target.closest('[role="slider"], [role="radiogroup"], [role="tablist"]') !== null;
  return false;
}

export function useShortcuts(): void {
  const navigate = useNavigate();
  useEffect(() => {
    const goTo = (path: string) => void navigate(path);
    const onKey = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && isSearchKey(event)) {
        event.preventDefault();
        goToSearch(goTo);
        return;
      }
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
      const shortcut = shortcuts.find((it) => it.keys.includes(event.key));
      if (shortcut === undefined) return;
      event.preventDefault();
      shortcut.run(goTo);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate]);
}

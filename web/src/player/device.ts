/**
 * Who this page is among the listener's devices. A browser keeps its identity over visits; two pages of it at once are
 * two devices, so each holds a lock on the identity it took.
 */
import { newCommandId } from '../api/command_id';
import { t } from '../i18n';

const KEY = 'musicstream.devices';
const PAGES_MAX = 8;

function stored(): string[] {
  try {
    const ids: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(ids) ? ids.filter((it) => typeof it === 'string').slice(0, PAGES_MAX) : [];
  } catch {
    return [];
  }
}

/** Holds the lock as long as the page lives. */
function tryLock(id: string): Promise<boolean> {
  return new Promise((resolve) => {
    void navigator.locks.request(`musicstream.device.${id}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise(() => {});
    });
  });
}

/** Without locks (plain HTTP to another machine) the identity lasts as long as the tab. */
function ofTab(): string {
  const id = sessionStorage.getItem(KEY) ?? newCommandId();
  sessionStorage.setItem(KEY, id);
  return id;
}

export async function takeDeviceId(): Promise<string> {
  if (!('locks' in navigator)) return ofTab();
  for (const id of stored()) if (await tryLock(id)) return id;
  const id = newCommandId();
  await tryLock(id);
  localStorage.setItem(KEY, JSON.stringify([...stored(), id].slice(-PAGES_MAX)));
  return id;
}

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrom(?:e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/Mac OS X/, 'Mac'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];

export function deviceName(agent: string = navigator.userAgent): string {
  const pick = (names: readonly [RegExp, string][]) => names.find(([it]) => it.test(agent))?.[1];
  const browser = pick(BROWSERS) ?? t('device.browser');
  const system = pick(SYSTEMS);
  return system === undefined ? browser : t('device.name', { browser, system });
}

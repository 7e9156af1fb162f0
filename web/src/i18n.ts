/**
 * Words. They stand in locales/*.json, one file a language; a text has `{name}` where a value goes. A text that counts
 * is an object of plural forms (Unicode CLDR: zero, one, two, few, many, other), chosen by `count`.
 */
import english from './locales/en.json';

export type MessageKey = Extract<keyof typeof english, string>;
type Values = Record<string, string | number>;
type Message = string | (Partial<Record<Intl.LDMLPluralRule, string>> & { other: string });

const RIGHT_TO_LEFT = ['ar', 'fa', 'he', 'ur', 'yi', 'ps', 'sd', 'ug', 'dv', 'ckb'];

let messages: Record<string, Message | undefined> = english;
let locale = 'en';
let plurals = new Intl.PluralRules(locale);
let numbers = new Intl.NumberFormat(locale);

export function setLocale(name: string, texts: Record<string, Message>): void {
  locale = name;
  messages = { ...english, ...texts };
  plurals = new Intl.PluralRules(name);
  numbers = new Intl.NumberFormat(name);
}

export function direction(name: string = locale): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.includes(name.split('-')[0] ?? '') ? 'rtl' : 'ltr';
}

export function currentLocale(): string {
  return locale;
}

export function t(key: MessageKey, values: Values = {}): string {
  const message: Message = messages[key] ?? key;
  const text = typeof message === 'string' ? message : plural(message, values['count']);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? numbers.format(value) : value;
  });
}

function plural(message: Exclude<Message, string>, count: string | number | undefined): string {
  return message[plurals.select(Number(count ?? 0))] ?? message.other;
}

export function formatNumber(value: number): string {
  return numbers.format(value);
}

/** 3:07, 1:02:03: as a clock shows it. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 42 min, 1 hr 5 min: as one says it. */
export function formatLength(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes < 60) return t('length.minutes', { minutes });
  return t('length.hours', { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

import { afterEach, describe, expect, it } from 'vitest';
import english from './locales/en.json';
import { direction, formatClock, formatLength, setLocale, t } from './i18n';

afterEach(() => setLocale('en', {}));

describe('t', () => {
  it('puts values where their names stand', () => {
    expect(t('track.play', { title: 'A {song}' })).toBe('Play A {song}');
  });

  it('leaves a name without a value as it is', () => {
    expect(t('track.play')).toBe('Play {title}');
  });

  it.each([
    [0, '0 tracks'],
    [1, '1 track'],
    [2, '2 tracks'],
    [12345, '12,345 tracks'],
  ])('counts %i', (count, want) => {
    expect(t('count.tracks', { count })).toBe(want);
  });

  it('uses the plural forms of the language, and English where a text is missing', () => {
    setLocale('pl', { 'count.tracks': { one: '{count} utwór', few: '{count} utwory', many: '{count} utworów', other: '?' } });

    expect(t('count.tracks', { count: 3 })).toBe('3 utwory');
    expect(t('count.tracks', { count: 5 })).toBe('5 utworów');
    expect(t('nav.home')).toBe('Home');
  });

  it('knows which way a language runs', () => {
    expect([direction('ar-EG'), direction('he'), direction('en'), direction('pt-BR')]).toEqual(['rtl', 'rtl', 'ltr', 'ltr']);
  });
});

describe('the English file', () => {
  it('has an `other` form in every text that counts', () => {
    for (const [key, message] of Object.entries(english)) {
      if (typeof message !== 'string') expect(message, key).toHaveProperty('other');
    }
  });
});

describe('formats', () => {
  it.each([
    [0, '0:00'],
    [-5, '0:00'],
    [59_999, '0:59'],
    [187_000, '3:07'],
    [3_723_000, '1:02:03'],
  ])('%i ms is %s on a clock', (ms, want) => {
    expect(formatClock(ms)).toBe(want);
  });

  it.each([
    [1_000, '1 min'],
    [2_520_000, '42 min'],
    [3_900_000, '1 hr 5 min'],
  ])('%i ms is %s in words', (ms, want) => {
    expect(formatLength(ms)).toBe(want);
  });
});

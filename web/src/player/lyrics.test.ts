import { describe, expect, it } from 'vitest';
import { lineAt } from './lyrics';

describe('lineAt', () => {
  const lines = [1000, 2000, 2000, 5000].map((startMs) => ({ startMs }));

  it.each([
    [0, -1],
    [999, -1],
    [1000, 0],
    [1999, 0],
    [2000, 2],
    [4999, 2],
    [5000, 3],
    [9_999_999, 3],
  ])('at %i ms it is line %i', (positionMs, want) => {
    expect(lineAt(lines, positionMs)).toBe(want);
  });

  it('agrees with looking at every line', () => {
    const many = Array.from({ length: 97 }, (_, i) => ({ startMs: i * 37 + (i % 3) }));
    for (let at = 0; at < 3700; at += 11) {
      const naive = many.filter((it) => it.startMs <= at).length - 1;
      expect(lineAt(many, at)).toBe(naive);
    }
  });

  it('has no line without lyrics', () => {
    expect(lineAt([], 10)).toBe(-1);
  });
});

import { describe, expect, it } from 'vitest';
import { elementVolume, gainDecibel } from './gain';

describe('gain', () => {
  it('keeps the balance of an album that plays in order', () => {
    const gains = { trackGain: -6, albumGain: -3 };

    expect([gainDecibel(gains, true), gainDecibel(gains, false)]).toEqual([-3, -6]);
  });

  it('takes what there is, and nothing until it was measured', () => {
    expect(gainDecibel({ trackGain: -6, albumGain: null }, true)).toBe(-6);
    expect(gainDecibel({ trackGain: null, albumGain: null }, false)).toBe(0);
  });

  it('never leaves what an element takes', () => {
    expect([elementVolume(100, 12), elementVolume(-3, 0), elementVolume(500, 0)]).toEqual([1, 0, 1]);
    expect(elementVolume(100, -6)).toBeCloseTo(0.501, 3);
  });
});

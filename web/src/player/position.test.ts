import { describe, expect, it } from 'vitest';
import { clockOffset, positionNow } from './position';

const at = '2026-01-01T00:00:10.000Z';
const ms = Date.parse(at);

describe('position', () => {
  it.each([
    ['paused: stays where it was', { isPlaying: false, positionMs: 5000 }, 0, ms + 9000, 5000],
    ['playing: adds what passed', { isPlaying: true, positionMs: 5000 }, 0, ms + 1500, 6500],
    ['our clock is 3 s behind', { isPlaying: true, positionMs: 5000 }, 3000, ms - 2000, 6000],
    ['never before the beginning of the report', { isPlaying: true, positionMs: 5000 }, 0, ms - 400, 5000],
    ['never past the end', { isPlaying: true, positionMs: 5000 }, 0, ms + 3_600_000, 200_000],
  ])('%s', (_, clock, offset, now, want) => {
    expect(positionNow({ ...clock, positionAt: at }, offset, now, 200_000)).toBe(want);
  });

  it('takes the clocks apart by the time that a message was received', () => {
    expect(clockOffset(at, ms - 1234)).toBe(1234);
    expect(clockOffset('nonsense', ms)).toBe(0);
  });
});

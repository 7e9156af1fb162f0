import { describe, expect, it } from 'vitest';
import type { StreamInfo } from '../api/types';
import { knownStream, noteStream } from './streams';

const HOUR_MS = 3_600_000;
const stream = (hls: string, hoursLeft: number) =>
  ({ hls, expiresAt: new Date(Date.now() + hoursLeft * HOUR_MS).toISOString() }) as StreamInfo;

describe('knownStream', () => {
  it('is what was asked for last, not what a list said before', () => {
    const listed = stream('/old', 1);
    noteStream('1', stream('/new', 2));
    expect(knownStream({ id: '1', stream: listed })?.hls).toBe('/new');
    expect(knownStream({ id: '1', stream: stream('/newest', 3) })?.hls).toBe('/newest');
  });

  it('of two that end alike is the one that was asked for', () => {
    const asked = stream('/asked', 1);
    noteStream('2', asked);
    expect(knownStream({ id: '2', stream: { ...asked, hls: '/listed' } })?.hls).toBe('/asked');
  });

  it('is nothing that is about to end', () => {
    expect(knownStream({ id: '3', stream: stream('/old', 0.01) })).toBeNull();
  });
});

/** Loudness: which gain counts, and what it makes of the volume that the listener chose. */

export interface Gains {
  trackGain: number | null;
  albumGain: number | null;
}

/** Decibel to apply: the album's own balance is kept while its tracks play in order. */
export function gainDecibel(gains: Gains, isAlbumInOrder: boolean): number {
  const [first, second] = isAlbumInOrder ? [gains.albumGain, gains.trackGain] : [gains.trackGain, gains.albumGain];
  return first ?? second ?? 0;
}

/** The element's volume: 0 to 1. Quiet tracks are raised as far as the listener's volume leaves room. */
export function elementVolume(volumePercent: number, decibel: number): number {
  const listener = (Math.min(100, Math.max(0, volumePercent)) / 100) ** 2;
  return Math.min(1, listener * 10 ** (decibel / 20));
}

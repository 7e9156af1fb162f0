/** Which line of synced lyrics is sung at a time. */
export interface TimedLine {
  startMs: number | null;
}

/** The last line that began; -1 before the first. Lines are in the order of their times. */
export function lineAt(lines: readonly TimedLine[], positionMs: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lines[middle]?.startMs ?? 0) <= positionMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

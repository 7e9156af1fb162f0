// delays.mjs -- how long a crowd's requests took, by when they were begun.
//
//   const delays = new Delays(crowd);   const mark = delays.mark();   ...   delays.since(mark);   // { count, p50, p99, most }
//
// What a change of the cluster adds is the p99 while it lasted less the p99 before: of one run, so of one machine's day.

import { now } from './crowd.mjs';

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export class Delays {
  constructor(crowd) {
    this.taken = [];
    crowd.answered = (begun, ms) => this.taken.push([begun, ms]);
  }

  mark() {
    return now();
  }

  /** Of the requests that were begun between the two. */
  since(from, to = now()) {
    const sorted = this.taken.filter(([begun]) => begun >= from && begun <= to).map(([, ms]) => ms).sort((a, b) => a - b);
    return { count: sorted.length, p50: Math.round(at(sorted, 0.5)), p99: Math.round(at(sorted, 0.99)), most: Math.round(sorted.at(-1) ?? 0) };
  }
}

/** A sentence for the log. */
export const added = (before, during) =>
  `p99 ${before.p99} ms before, ${during.p99} ms meanwhile (added: ${Math.max(0, during.p99 - before.p99)}), the longest ${during.most}; ` +
  `${before.count} and ${during.count} requests`;

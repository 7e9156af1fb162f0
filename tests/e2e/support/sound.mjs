// sound.mjs -- what a page plays. Two ways to hear a gap:
// recorded where it leaves the element, in real time: a machine that does something else is heard, too;
//
//   await record(page);                     // sound is coming; from here on
//   const sound = await recorded(page);     // what came since; goes on
//   quietest(sound)                         // of a steady tone: 1 is no gap at all, 0 is silence
//
// or by what the element has and does, whatever else the machine does:
//
//   await watch(page);                      // from here on
//   assertNoGap(await watched(page));       // it never ran dry and never jumped, and its ranges have no hole

import assert from 'node:assert/strict';
import { until } from './server.mjs';

const STRETCH_S = 0.0025;

/** Needs a page that was opened with bypassCSP: its own policy forbids scripts made on the fly, as the recorder is one. */
export async function record(page) {
  await page.evaluate(async () => {
    const worklet = `registerProcessor('tap', class extends AudioWorkletProcessor {
      process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; } });`;
    const context = new AudioContext();
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
    const tap = new AudioWorkletNode(context, 'tap');
    const recorded = (window.recorded = { blocks: [], marks: [], rate: context.sampleRate, size: 0, isStopped: false });
    // Noted in the page: on a slow machine a whole track may have passed until the test asks once more.
    const player = window.musicstreamPlayer;
    tap.port.onmessage = ({ data }) => {
      const isBeforeTheSound = recorded.size === 0 && data.every((sample) => sample === 0);
      if (recorded.isStopped || isBeforeTheSound) return;
      recorded.blocks.push(data);
      recorded.size += data.length;
      recorded.marks.push({ size: recorded.size, trackId: player.trackId, position: player.currentTime });
      recorded.isStopped = window.isRecorded?.(recorded.marks.at(-1)) ?? false;
    };
    context.createMediaStreamSource(player.audio.captureStream()).connect(tap);
  });
  await until(() => page.evaluate(() => window.recorded.size > 0), 'what plays is recorded');
}

/** All samples, mono, and which track was where when each block came. */
export async function recorded(page) {
  return page.evaluate(() => {
    const { blocks, marks, rate, size } = window.recorded;
    const samples = new Float32Array(size);
    blocks.reduce((at, block) => (samples.set(block, at), at + block.length), 0);
    return { rate, samples: Array.from(samples), marks };
  });
}

/** The quietest stretch between two times of the recording, against the median. */
export function quietest({ rate, samples }, fromS = 0, toS = samples.length / rate) {
  const size = Math.round(STRETCH_S * rate);
  const loudness = [];
  for (let at = Math.max(0, Math.floor(fromS * rate)); at + size <= Math.min(samples.length, toS * rate); at += size) {
    let sum = 0;
    for (let i = at; i < at + size; i++) sum += samples[i] * samples[i];
    loudness.push(Math.sqrt(sum / size));
  }
  const median = [...loudness].sort((a, b) => a - b)[Math.floor(loudness.length / 2)];
  assert.ok(loudness.length > 300, `${loudness.length} stretches were recorded`);
  assert.ok(median > 0.01, `there is sound: ${median}`);
  return Math.min(...loudness) / median;
}

/** Notes each time that the element stops by itself, or jumps; and each hole that it comes to. */
export const watch = (page) =>
  page.evaluate(() => {
    const { musicstreamPlayer: player } = window;
    const { audio } = player;
    const ranges = () => Array.from({ length: audio.buffered.length }, (_, i) => [audio.buffered.start(i), audio.buffered.end(i)]);
    const ahead = () => Math.max(0, (ranges().find(([from, to]) => from <= audio.currentTime && audio.currentTime < to)?.[1] ?? 0) - audio.currentTime);
    const note = (what) => window.watched.problems.push({ what, at: audio.currentTime, ahead: ahead(), ranges: ranges(), gateway: player.gateway });
    window.ahead = ahead;
    window.watched = { problems: [] };
    // Waiting with sound at hand, it waits for this machine and not for a node.
    audio.addEventListener('waiting', () => ahead() < 0.5 && note('waiting'));
    for (const name of ['pause', 'seeking', 'error', 'emptied']) audio.addEventListener(name, () => note(name));
    // What comes after the next track may be there before the rest of this one: a hole is one when it is about to be heard.
    audio.addEventListener('timeupdate', () => ahead() < 1 && ranges().some(([from]) => from > audio.currentTime) && note('a hole'));
  });

export const watched = (page) => page.evaluate(() => window.watched);
export const watchAnew = (page) => page.evaluate(() => (window.watched.problems.length = 0));

export function assertNoGap({ problems }, what) {
  assert.deepEqual(problems, [], what);
}

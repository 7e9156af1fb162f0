// sound.mjs -- what a page plays, recorded where it leaves the element: a gap is heard as a stretch that is too quiet.
//
//   await record(page);                     // from here on
//   const sound = await recorded(page);     // what came since; goes on
//   quietest(sound)                         // of a steady tone: 1 is no gap at all, 0 is silence

import assert from 'node:assert/strict';

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
      if (recorded.isStopped) return;
      recorded.blocks.push(data);
      recorded.size += data.length;
      recorded.marks.push({ size: recorded.size, trackId: player.trackId, position: player.currentTime });
      recorded.isStopped = window.isRecorded?.(recorded.marks.at(-1)) ?? false;
    };
    context.createMediaStreamSource(player.audio.captureStream()).connect(tap);
  });
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

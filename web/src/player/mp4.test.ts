import { describe, expect, it } from 'vitest';
import { readPriming, withoutEditList } from './mp4';

const bytes = (...parts: (number[] | string)[]) =>
  parts.flatMap((it) => (typeof it === 'string' ? [...it].map((c) => c.charCodeAt(0)) : it));
const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const box = (type: string, ...body: number[][]) => {
  const all = body.flat();
  return bytes(u32(all.length + 8), type, all);
};
const elst = (mediaTime: number) => box('elst', u32(0), u32(1), u32(0), u32(mediaTime), u32(0x10000));
const mdhd = box('mdhd', u32(0), u32(0), u32(0), u32(44100), u32(0), u32(0));
const init = (...edits: number[][]) =>
  new Uint8Array(
    bytes(box('ftyp', bytes('iso5')), box('moov', box('trak', ...edits.map((it) => box('edts', it)), box('mdia', mdhd)))),
  );

describe('mp4', () => {
  it('reads where the music begins', () => {
    expect(readPriming(init(elst(1024)))).toEqual({ samples: 1024, timescale: 44100 });
    expect(readPriming(init())).toEqual({ samples: null, timescale: 44100 });
  });

  it('hides the edit list and touches nothing else', () => {
    const data = init(elst(1024));
    const hidden = withoutEditList(data);

    expect(readPriming(hidden)).toEqual({ samples: null, timescale: 44100 });
    expect(hidden.filter((it, i) => it !== data[i])).toHaveLength(4);
  });

  it('bears every truncation and every wrong byte', () => {
    const data = init(elst(1024));
    for (let length = 0; length < data.length; length++) readPriming(data.slice(0, length));
    for (let i = 0; i < data.length; i++) {
      const wrong = data.slice();
      wrong[i] = 255;
      readPriming(wrong);
      withoutEditList(wrong);
    }
  });
});

/**
 * The little that gapless playback must know of an fMP4 initialisation segment (ISO/IEC 14496-12):
 * how many samples the encoder put before the music (edit list), and at which rate they are counted.
 */

interface Box {
  type: string;
  start: number;
  bodyStart: number;
  end: number;
}

export interface Priming {
  /** Samples to drop at the start, counted at `timescale`; null when no edit list says so. */
  samples: number | null;
  timescale: number;
}

const HEADER_BYTES = 8;

function* boxes(view: DataView, start: number, end: number): Generator<Box> {
  let at = start;
  while (at + HEADER_BYTES <= end) {
    const size = view.getUint32(at);
    const boxEnd = size === 0 ? end : at + size;
    if (boxEnd > end || boxEnd < at + HEADER_BYTES) return;
    const type = String.fromCharCode(
      view.getUint8(at + 4),
      view.getUint8(at + 5),
      view.getUint8(at + 6),
      view.getUint8(at + 7),
    );
    yield { type, start: at, bodyStart: at + HEADER_BYTES, end: boxEnd };
    at = boxEnd;
  }
}

function find(view: DataView, start: number, end: number, path: readonly string[]): Box | null {
  const [type, ...rest] = path;
  for (const box of boxes(view, start, end)) {
    if (box.type !== type) continue;
    return rest.length === 0 ? box : find(view, box.bodyStart, box.end, rest);
  }
  return null;
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

function timescaleOf(view: DataView): number {
  const mdhd = find(view, 0, view.byteLength, ['moov', 'trak', 'mdia', 'mdhd']);
  if (mdhd === null) return 0;
  const at = mdhd.bodyStart + (view.getUint8(mdhd.bodyStart) === 1 ? 20 : 12);
  return at + 4 <= mdhd.end ? view.getUint32(at) : 0;
}

/** The media time of the first edit that is not empty: where in the coded stream the music begins. */
function editStart(view: DataView): number | null {
  const elst = find(view, 0, view.byteLength, ['moov', 'trak', 'edts', 'elst']);
  if (elst === null || elst.bodyStart + 8 > elst.end) return null;
  const isLong = view.getUint8(elst.bodyStart) === 1;
  const count = view.getUint32(elst.bodyStart + 4);
  const entryBytes = isLong ? 20 : 12;
  for (let i = 0, at = elst.bodyStart + 8; i < count && at + entryBytes <= elst.end; i++, at += entryBytes) {
    const mediaTime = isLong ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    if (mediaTime >= 0) return mediaTime;
  }
  return null;
}

export function readPriming(init: Uint8Array): Priming {
  const view = viewOf(init);
  return { samples: editStart(view), timescale: timescaleOf(view) };
}

/**
 * A copy whose edit list is hidden (`edts` renamed to `free`): browsers differ in whether they apply it to Media
 * Source data, so the offset is applied by us alone.
 */
export function withoutEditList(init: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(init);
  const view = viewOf(copy);
  const edts = find(view, 0, view.byteLength, ['moov', 'trak', 'edts']);
  if (edts !== null) copy.set([0x66, 0x72, 0x65, 0x65], edts.start + 4);
  return copy;
}

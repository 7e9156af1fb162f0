import type { Segment } from '../api/types';
import { piecesOf } from './answer';

/** A text with what was searched for in it. */
export function Marked({ segments, text }: { segments: readonly Segment[]; text: string }) {
  return (
    <>{piecesOf(segments, text).map((it, i) => (it.isMatch ? <mark key={i}>{it.text}</mark> : it.text))}</>
  );
}

import { createContext, useContext, type ReactNode } from 'react';
import type { Highlights } from '../api/types';
import { cutPieces, piecesOf } from '../search/answer';
import { Marked } from '../search/Marked';

/** Of a list that a search found: what was found in each, by its id. */
export const Marks = createContext<ReadonlyMap<string, Highlights>>(new Map());

interface MarkProps {
  id: string;
  part: keyof Highlights;
  text: string;
  /** Only a stretch of the text, in UTF-16 units. */
  from?: number;
  to?: number;
}

/** A text, with what was searched for in it where it stands in such a list. */
export function Mark({ id, part, text, from = 0, to = text.length }: MarkProps): ReactNode {
  const segments = useContext(Marks).get(id)?.[part] ?? [];
  if (segments.length === 0) return text.slice(from, to);
  return <Marked segments={cutPieces(piecesOf(segments, text), from, to)} text={text.slice(from, to)} />;
}

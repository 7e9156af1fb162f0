/** Long lists inside the page's scrolling part: only what is near is in the document. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react';
import { MAIN_ID } from '../app/ui';

const OVERSCAN = 6;
/** The next page is asked for when this many rows are left. */
const AHEAD_ROWS = 12;

export function useElementWidth(ref: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

interface Rows {
  virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  /** What of the page stands above the list. */
  margin: number;
}

export function useRows(
  ref: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  onNearEnd: () => void = () => {},
  scrollerId: string = MAIN_ID,
): Rows {
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const scroller = document.getElementById(scrollerId);
    const element = ref.current;
    if (scroller === null || element === null) return;
    const top = element.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    setMargin(Math.round(top));
  }, [ref, count, rowHeight, scrollerId]);
  const virtualizer = useVirtualizer<HTMLElement, HTMLElement>({
    count,
    getScrollElement: () => document.getElementById(scrollerId),
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollMargin: margin,
  });
  useEffect(() => virtualizer.measure(), [virtualizer, rowHeight]);
  const last = virtualizer.getVirtualItems().at(-1)?.index ?? 0;
  const nearEnd = useRef(onNearEnd);
  nearEnd.current = onNearEnd;
  useEffect(() => {
    if (count > 0 && last >= count - AHEAD_ROWS) nearEnd.current();
  }, [last, count]);
  return { virtualizer, margin };
}

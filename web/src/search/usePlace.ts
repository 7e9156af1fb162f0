/** The place that is searched, between the box, the filters and the address. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation, useSearchParams } from 'react-router';
import { readPlace, writePlace, type Filter, type Place } from './place';

/** Browsers refuse an address that changes with every key. */
const SETTLE_MS = 300;

export interface PlaceHandle {
  place: Place;
  /** A key was pressed: searched for at once; in the address soon, in place of what stood there. */
  type: (text: string) => void;
  /** What "back" takes back. */
  change: (change: Partial<Pick<Place, 'text' | 'isExact'>> & { filter?: Partial<Filter> }) => void;
  /** Brings the address up to what was typed. */
  settle: () => void;
  /** The place now, for what need not be drawn again with every key. */
  now: () => Place;
}

export function usePlace(): PlaceHandle {
  const [params, setParams] = useSearchParams();
  const { pathname } = useLocation();
  const address = useMemo(() => readPlace(params), [params]);
  const [text, setText] = useState(address.text);
  const place = useMemo(
    () => ({ ...address, text, isExact: address.isExact && text === address.text }),
    [address, text],
  );
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const written = useRef(address.text);
  useEffect(() => {
    if (address.text === written.current) return;
    // Another address than was written here: somebody went back, or followed a link.
    written.current = address.text;
    clearTimeout(timer.current);
    setText(address.text);
  }, [address.text]);

  const write = useCallback(
    (next: Place, replace: boolean) => {
      clearTimeout(timer.current);
      timer.current = undefined;
      // Somebody may be on the way to another page already, while this one still stands.
      if (window.location.pathname !== pathname) return;
      written.current = next.text;
      setParams(writePlace(next), { replace });
    },
    [pathname, setParams],
  );
  const newest = useRef({ place, write });
  newest.current = { place, write };
  useEffect(() => () => clearTimeout(timer.current), []);

  const settle = useCallback(() => {
    if (timer.current !== undefined) newest.current.write(newest.current.place, true);
  }, []);
  const type = useCallback(
    (next: string) => {
      setText(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(settle, SETTLE_MS);
    },
    [settle],
  );
  const change = useCallback<PlaceHandle['change']>(({ filter, ...rest }) => {
    const { place: old, write: writeNow } = newest.current;
    const next = { ...old, ...rest, filter: { ...old.filter, ...filter } };
    setText(next.text);
    writeNow(next, false);
  }, []);
  const now = useCallback(() => newest.current.place, []);
  return { place, type, change, settle, now };
}

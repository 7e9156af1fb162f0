import { useMemo, useRef, type ReactNode } from 'react';
import { Link } from 'react-router';
import type { AlbumCard, ArtistCard, Track } from '../api/types';
import { t } from '../i18n';
import { Loaded } from '../ui/basics';
import { AlbumTile, ArtistTile, Grid } from '../ui/Grid';
import { Marks } from '../ui/Marks';
import { TrackList } from '../ui/TrackList';
import { useRows } from '../ui/virtual';
import { keyOf, type Found, type Kind } from './answer';
import { pageOf, play } from './choose';
import { FoundRow } from './FoundRow';
import { Announcement, announcementOf, MetaNotes, NothingFound } from './Notes';
import { isIdle, type Place } from './place';
import { noteSearch, useFoundPages } from './store';

interface AllFoundProps {
  kind: Kind;
  place: Place;
  onExact: (isExact: boolean) => void;
  onClearFilters: () => void;
  onRecent: (text: string) => void;
}

/** Everything of one kind, read as far as one scrolls. */
export function AllFound({ kind, place, onExact, onClearFilters, onRecent }: AllFoundProps) {
  const { items, total, meta, isPending, error, refetch, loadMore } = useFoundPages(kind, place);
  const marks = useMemo(() => new Map(items.map((it) => [it.node.id, it.highlights])), [items]);
  return (
    <Loaded isPending={isPending} error={items.length === 0 ? error : null} onRetry={refetch}>
      {meta !== null && (
        <>
          <MetaNotes meta={meta} place={place} onExact={onExact} />
          {items.length === 0 ? (
            <NothingFound place={place} meta={meta} onExact={onExact} onClearFilters={onClearFilters} onChoose={onRecent} />
          ) : (
            // Where it was chosen from is worth remembering; what was chosen is not asked.
            <section onClickCapture={() => noteSearch(place.text)} data-testid={`all-${kind}`}>
              <h2>{t(`search.all.${kind}`, { count: total })}</h2>
              <Marks value={marks}>
                <Listed kind={kind} items={items} onNearEnd={loadMore} />
              </Marks>
            </section>
          )}
          <Announcement text={isIdle(place) ? '' : announcementOf(total, meta)} />
        </>
      )}
    </Loaded>
  );
}

interface ListedProps {
  kind: Kind;
  items: readonly Found[];
  onNearEnd: () => void;
}

const nodes = <T,>(items: readonly Found[]) => items.map((it) => it.node) as T[];

function Listed({ kind, items, onNearEnd }: ListedProps) {
  const label = t(`search.group.${kind}`);
  switch (kind) {
    case 'tracks':
      return <TrackList tracks={nodes<Track>(items)} label={label} lead="cover" onNearEnd={onNearEnd} />;
    case 'albums':
      return (
        <Grid items={nodes<AlbumCard>(items)} label={label} onNearEnd={onNearEnd}>
          {(it, size) => <AlbumTile album={it} size={size} />}
        </Grid>
      );
    case 'artists':
      return (
        <Grid items={nodes<ArtistCard>(items)} label={label} onNearEnd={onNearEnd}>
          {(it, size) => <ArtistTile artist={it} size={size} />}
        </Grid>
      );
    default:
      return (
        <Rows items={items} label={label} onNearEnd={onNearEnd}>
          {(it) => <RowLink found={it} among={items} />}
        </Rows>
      );
  }
}

function RowLink({ found, among }: { found: Found; among: readonly Found[] }) {
  const page = pageOf(found);
  if (page !== null)
    return (
      <Link to={page} className="found-row">
        <FoundRow found={found} />
      </Link>
    );
  return (
    <button type="button" className="found-row" data-testid="lyrics-line" onClick={() => play(found, among)}>
      <FoundRow found={found} />
    </button>
  );
}

const ROW_HEIGHT = 60;

interface RowsProps {
  items: readonly Found[];
  label: string;
  onNearEnd: () => void;
  children: (item: Found) => ReactNode;
}

function Rows({ items, label, onNearEnd, children }: RowsProps) {
  const ref = useRef<HTMLUListElement>(null);
  const { virtualizer, margin } = useRows(ref, items.length, ROW_HEIGHT, onNearEnd);
  return (
    <ul ref={ref} className="tracks" aria-label={label} style={{ blockSize: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map(({ index, start }) => {
        const item = items[index];
        return (
          item && (
            <li key={keyOf(item)} style={{ insetBlockStart: start - margin }} aria-posinset={index + 1} aria-setsize={items.length}>
              {children(item)}
            </li>
          )
        );
      })}
    </ul>
  );
}

import { Pause, Play } from 'lucide-react';
import { useRef, type ReactNode } from 'react';
import { Link } from 'react-router';
import { fetchAlbum } from '../api/queries';
import { asApiError } from '../api/errors';
import type { AlbumCard, ArtistCard } from '../api/types';
import { say } from '../app/notices';
import { t } from '../i18n';
import { player } from '../player/controller';
import { currentTrackOf, usePlayback } from '../player/store';
import { Facts } from './basics';
import { Cover } from './Cover';
import { Mark } from './Marks';
import { useElementWidth, useRows } from './virtual';

const CARD_MIN = 168;
const CARD_MIN_NARROW = 144;
const NARROW = 560;
const GAP = 24;
const GAP_NARROW = 16;
/** Room for the words below a cover. */
const WORDS = 64;

interface GridProps<T> {
  items: readonly T[];
  label: string;
  onNearEnd?: () => void;
  children: (item: T, size: number) => ReactNode;
}

/** Covers in rows that fill the width. */
export function Grid<T extends { id: string }>({ items, label, onNearEnd, children }: GridProps<T>) {
  const ref = useRef<HTMLUListElement>(null);
  const width = useElementWidth(ref);
  const isNarrow = width < NARROW;
  const gap = isNarrow ? GAP_NARROW : GAP;
  const columns = Math.max(2, Math.floor((width + gap) / ((isNarrow ? CARD_MIN_NARROW : CARD_MIN) + gap)));
  const size = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  const rowHeight = size + WORDS + gap;
  const { virtualizer, margin } = useRows(ref, Math.ceil(items.length / columns), rowHeight, onNearEnd);
  return (
    <ul ref={ref} className="grid" aria-label={label} style={{ blockSize: virtualizer.getTotalSize() }}>
      {width > 0 &&
        virtualizer.getVirtualItems().flatMap((row) =>
          items.slice(row.index * columns, (row.index + 1) * columns).map((item, column) => (
            <li
              key={item.id}
              style={{
                inlineSize: size,
                insetBlockStart: row.start - margin,
                insetInlineStart: column * (size + gap),
              }}
            >
              {children(item, size)}
            </li>
          )),
        )}
    </ul>
  );
}

/** One row that scrolls sideways. */
export function Shelf<T extends { id: string }>({ items, label, children }: Omit<GridProps<T>, 'onNearEnd'>) {
  return (
    <ul className="shelf" aria-label={label}>
      {items.map((item) => (
        <li key={item.id}>{children(item, CARD_MIN)}</li>
      ))}
    </ul>
  );
}

export function AlbumTile({ album, size }: { album: AlbumCard; size: number }) {
  const isCurrent = usePlayback((it) => currentTrackOf(it)?.album.id === album.id);
  const isPlaying = usePlayback((it) => it.isPlaying) && isCurrent;
  const play = () => {
    if (isCurrent) player.toggle();
    else
      fetchAlbum(album.id).then(
        ({ tracks }) => player.playTracks(tracks),
        (error: unknown) => say(asApiError(error).code),
      );
  };
  const warm = () => {
    if (isCurrent) return;
    fetchAlbum(album.id).then(
      ({ tracks }) => {
        if (tracks[0] !== undefined) player.prepare(tracks[0]);
      },
      () => undefined,
    );
  };
  return (
    <article className="tile" data-testid="album">
      <Link to={`/album/${album.id}`} className="tile-link">
        <Cover artwork={album.artwork} size={size} />
        <span className="tile-title">
          <Mark id={album.id} part="title" text={album.title} />
        </span>
      </Link>
      <span className="tile-line">
        <Facts facts={[<Mark id={album.id} part="artist" text={album.artistLine} />, album.year === null ? null : String(album.year)]} />
      </span>
      <button
        type="button"
        className="tile-play"
        style={{ insetBlockStart: size - 56 }}
        aria-label={t(isPlaying ? 'album.pause' : 'album.play', { title: album.title })}
        onClick={play}
        onPointerEnter={warm}
        onFocus={warm}
      >
        {isPlaying ? (
          <Pause size={20} fill="currentColor" aria-hidden />
        ) : (
          <Play size={20} fill="currentColor" aria-hidden />
        )}
      </button>
    </article>
  );
}

export function ArtistTile({ artist, size }: { artist: ArtistCard; size: number }) {
  return (
    <article className="tile artist" data-testid="artist">
      <Link to={`/artist/${artist.id}`} className="tile-link">
        <Cover artwork={artist.artwork} size={size} shape="round" kind="artist" />
        <span className="tile-title">
          <Mark id={artist.id} part="title" text={artist.name} />
        </span>
      </Link>
      <span className="tile-line">{t('count.albums', { count: artist.albumCount })}</span>
    </article>
  );
}

import { ListMusic, UserRound } from 'lucide-react';
import { Fragment, type ReactNode } from 'react';
import type { Artwork } from '../api/types';
import { formatClock, t } from '../i18n';
import { Cover } from '../ui/Cover';
import type { Found } from './answer';
import { Marked } from './Marked';

const SIZE = 44;

/** Its picture, in words what it is, and what was found in it. */
export function FoundRow({ found, saysKind = false }: { found: Found; saysKind?: boolean }) {
  const { title, line, end } = wordsOf(found);
  const kind = saysKind ? t(`search.kind.${found.kind}`) : null;
  return (
    <>
      <Picture found={found} />
      <span className="found-words">
        <bdi className="found-title">{title}</bdi>
        <span className="found-line">
          <Line facts={kind === null ? line : [kind, ...line]} />
        </span>
      </span>
      {end !== null && <span className="found-end">{end}</span>}
    </>
  );
}

/** Each fact reads in its own direction and ends with dots where there is no room; what is short has room always. */
function Line({ facts }: { facts: readonly Fact[] }) {
  return facts.map((it, index) => (
    <Fragment key={index}>
      {index > 0 && ' · '}
      {typeof it === 'string' ? <bdi>{it}</bdi> : <bdi className="long">{it.long}</bdi>}
    </Fragment>
  ));
}

/** What people wrote may be long; our own words are short. */
type Fact = string | { long: ReactNode };

interface Words {
  title: ReactNode;
  line: Fact[];
  end: string | null;
}

function wordsOf(found: Found): Words {
  const { highlights } = found;
  const marked = (part: 'title' | 'artist' | 'album', text: string) => <Marked segments={highlights[part]} text={text} />;
  switch (found.kind) {
    case 'tracks': {
      const { title, artistLine, album, durationMs, isAvailable, unavailableReason } = found.node;
      const name = marked('title', title);
      if (!isAvailable) return { title: name, line: [{ long: unavailableReason ?? t('track.unavailable') }], end: null };
      const line = [{ long: marked('artist', artistLine) }, { long: marked('album', album.title) }];
      return { title: name, line, end: formatClock(durationMs) };
    }
    case 'lyrics': {
      const { title, artistLine } = found.node;
      const { text, segments, atMs } = found.line;
      const line = [{ long: title }, { long: artistLine }];
      return { title: <Marked segments={segments} text={text} />, line, end: atMs === null ? null : formatClock(atMs) };
    }
    case 'albums': {
      const { title, artistLine, year } = found.node;
      const artist = { long: marked('artist', artistLine) };
      return { title: marked('title', title), line: year === null ? [artist] : [artist, String(year)], end: null };
    }
    case 'artists': {
      const { name, albumCount, trackCount } = found.node;
      const counts = [
        albumCount > 0 ? [t('count.albums', { count: albumCount })] : [],
        trackCount > 0 ? [t('count.tracks', { count: trackCount })] : [],
      ];
      return { title: marked('title', name), line: counts.flat(), end: null };
    }
    case 'playlists': {
      const { name, entryCount, owner } = found.node;
      const line = [{ long: t('search.by', { name: owner.name }) }, t('count.tracks', { count: entryCount })];
      return { title: marked('title', name), line, end: null };
    }
    case 'people':
      return { title: marked('title', found.node.name), line: [t('search.listener')], end: null };
  }
}

function Picture({ found }: { found: Found }) {
  switch (found.kind) {
    case 'playlists':
      return (
        <span className="found-icon" aria-hidden>
          <ListMusic size={20} />
        </span>
      );
    case 'people':
      return (
        <span className="found-icon round" aria-hidden>
          <UserRound size={20} />
        </span>
      );
    default: {
      const artwork: Artwork | null = found.node.artwork;
      const isArtist = found.kind === 'artists';
      const kind = isArtist ? 'artist' : found.kind === 'albums' ? 'album' : 'track';
      return <Cover artwork={artwork} size={SIZE} shape={isArtist ? 'round' : 'square'} kind={kind} />;
    }
  }
}

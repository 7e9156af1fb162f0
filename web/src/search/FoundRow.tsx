import { ListMusic, UserRound } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Artwork } from '../api/types';
import { formatClock, t } from '../i18n';
import { Facts } from '../ui/basics';
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
        <span className="found-title">{title}</span>
        <span className="found-line">
          <Facts facts={[kind, ...line]} />
        </span>
      </span>
      {end !== null && <span className="found-end">{end}</span>}
    </>
  );
}

interface Words {
  title: ReactNode;
  line: ReactNode[];
  end: string | null;
}

function wordsOf(found: Found): Words {
  const { highlights } = found;
  switch (found.kind) {
    case 'tracks': {
      const { title, artistLine, album, durationMs, isAvailable, unavailableReason } = found.node;
      const name = <Marked segments={highlights.title} text={title} />;
      if (!isAvailable) return { title: name, line: [unavailableReason ?? t('track.unavailable')], end: null };
      const artist = <Marked segments={highlights.artist} text={artistLine} />;
      return { title: name, line: [artist, <Marked segments={highlights.album} text={album.title} />], end: formatClock(durationMs) };
    }
    case 'lyrics': {
      const { title, artistLine } = found.node;
      const { text, segments, atMs } = found.line;
      return { title: <Marked segments={segments} text={text} />, line: [title, artistLine], end: atMs === null ? null : formatClock(atMs) };
    }
    case 'albums': {
      const { title, artistLine, year } = found.node;
      const artist = <Marked segments={highlights.artist} text={artistLine} />;
      return { title: <Marked segments={highlights.title} text={title} />, line: [artist, year === null ? null : String(year)], end: null };
    }
    case 'artists': {
      const { name, albumCount, trackCount } = found.node;
      const counts = [
        albumCount > 0 ? t('count.albums', { count: albumCount }) : null,
        trackCount > 0 ? t('count.tracks', { count: trackCount }) : null,
      ];
      return { title: <Marked segments={highlights.title} text={name} />, line: counts, end: null };
    }
    case 'playlists': {
      const { name, entryCount, owner } = found.node;
      const facts = [t('search.by', { name: owner.name }), t('count.tracks', { count: entryCount })];
      return { title: <Marked segments={highlights.title} text={name} />, line: facts, end: null };
    }
    case 'people':
      return { title: <Marked segments={highlights.title} text={found.node.name} />, line: [t('search.listener')], end: null };
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

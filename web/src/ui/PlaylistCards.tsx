import { ListMusic } from 'lucide-react';
import { Link } from 'react-router';
import type { PlaylistCard } from '../api/types';
import { formatLength, t } from '../i18n';
import { Facts } from './basics';

export function PlaylistCards({ playlists, label }: { playlists: readonly PlaylistCard[]; label?: string }) {
  return (
    <ul className="cards" aria-label={label}>
      {playlists.map((it) => (
        <li key={it.id}>
          <Link to={`/playlist/${it.id}`} className="card" data-testid="playlist">
            <span className="card-icon">
              <ListMusic size={24} aria-hidden />
            </span>
            <span className="card-words">
              <span className="card-title">{it.name}</span>
              <span className="muted">
                <Facts
                  facts={[
                    t('count.tracks', { count: it.entryCount }),
                    it.entryCount > 0 ? formatLength(it.durationMs) : null,
                  ]}
                />
              </span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

import { ListMusic, Plus } from 'lucide-react';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { usePlaylists } from '../api/queries';
import { formatLength, t } from '../i18n';
import { Button, Empty, Facts, Loaded, Page } from '../ui/basics';
import { NewPlaylist } from '../ui/NewPlaylist';

export function Playlists() {
  const { data: playlists = [], isPending, error, refetch } = usePlaylists();
  const [isNaming, setNaming] = useState(false);
  const navigate = useNavigate();
  return (
    <Page
      title={t('nav.playlists')}
      actions={
        <Button variant="primary" icon={Plus} data-testid="new-playlist" onClick={() => setNaming(true)}>
          {t('playlist.new')}
        </Button>
      }
    >
      <Loaded isPending={isPending} error={error} onRetry={refetch}>
        {playlists.length === 0 ? (
          <Empty icon={ListMusic} title={t('playlists.none')} />
        ) : (
          <ul className="cards">
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
        )}
      </Loaded>
      {isNaming && <NewPlaylist onClose={() => setNaming(false)} onCreated={(it) => void navigate(`/playlist/${it.id}`)} />}
    </Page>
  );
}

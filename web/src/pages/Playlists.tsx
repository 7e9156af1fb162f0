import { ListMusic, Plus } from 'lucide-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { usePlaylists } from '../api/queries';
import { t } from '../i18n';
import { Button, Empty, Loaded, Page } from '../ui/basics';
import { NewPlaylist } from '../ui/NewPlaylist';
import { PlaylistCards } from '../ui/PlaylistCards';

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
          <PlaylistCards playlists={playlists} />
        )}
      </Loaded>
      {isNaming && <NewPlaylist onClose={() => setNaming(false)} onCreated={(it) => void navigate(`/playlist/${it.id}`)} />}
    </Page>
  );
}

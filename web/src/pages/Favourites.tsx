import { Heart, Play } from 'lucide-react';
import { useFavourites } from '../api/queries';
import { t } from '../i18n';
import { player } from '../player/controller';
import { Button, Empty, Loaded, Page } from '../ui/basics';
import { TrackList } from '../ui/TrackList';

export function Favourites() {
  const tracks = useFavourites();
  return (
    <Page
      title={t('nav.favourites')}
      actions={
        tracks.items.length > 0 && (
          <Button variant="primary" icon={Play} onClick={() => player.playTracks(tracks.items)}>
            {t('player.play')}
          </Button>
        )
      }
    >
      <Loaded isPending={tracks.isPending} error={tracks.error} onRetry={tracks.refetch}>
        {tracks.items.length === 0 ? (
          <Empty icon={Heart} title={t('favourites.none')} />
        ) : (
          <TrackList tracks={tracks.items} label={t('nav.favourites')} lead="cover" onNearEnd={tracks.loadMore} />
        )}
      </Loaded>
    </Page>
  );
}

import { Mic2 } from 'lucide-react';
import { useArtists } from '../api/queries';
import { t } from '../i18n';
import { Empty, Loaded, Page } from '../ui/basics';
import { ArtistTile, Grid } from '../ui/Grid';

export function Artists() {
  const artists = useArtists();
  return (
    <Page title={t('nav.artists')}>
      <Loaded isPending={artists.isPending} error={artists.error} onRetry={artists.refetch}>
        {artists.items.length === 0 ? (
          <Empty icon={Mic2} title={t('artists.none')} />
        ) : (
          <Grid items={artists.items} label={t('nav.artists')} onNearEnd={artists.loadMore}>
            {(artist, size) => <ArtistTile artist={artist} size={size} />}
          </Grid>
        )}
      </Loaded>
    </Page>
  );
}

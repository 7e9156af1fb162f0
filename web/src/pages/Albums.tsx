import { Disc3 } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { useAlbums } from '../api/queries';
import type { AlbumSort } from '../api/types';
import { t } from '../i18n';
import { Empty, Loaded, Page } from '../ui/basics';
import { Choice } from '../ui/Choice';
import { AlbumTile, Grid } from '../ui/Grid';

const SORTS: readonly AlbumSort[] = ['TITLE', 'ARTIST', 'YEAR', 'ADDED'];

export function Albums() {
  const [params, setParams] = useSearchParams();
  const sort = SORTS.find((it) => it === params.get('sort')) ?? 'TITLE';
  const albums = useAlbums(sort);
  return (
    <Page
      title={t('nav.albums')}
      actions={
        <Choice
          label={t('albums.sort')}
          value={sort}
          options={SORTS.map((it) => ({ value: it, label: t(`albums.sort.${it}`) }))}
          onChange={(it) => setParams({ sort: it }, { replace: true })}
        />
      }
    >
      <Loaded isPending={albums.isPending} error={albums.error} onRetry={albums.refetch}>
        {albums.items.length === 0 ? (
          <Empty icon={Disc3} title={t('albums.none')} />
        ) : (
          <Grid items={albums.items} label={t('nav.albums')} onNearEnd={albums.loadMore}>
            {(album, size) => <AlbumTile album={album} size={size} />}
          </Grid>
        )}
      </Loaded>
    </Page>
  );
}

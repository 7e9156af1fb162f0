import { Search as Glass } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useLocation, useSearchParams } from 'react-router';
import { useSearch } from '../api/queries';
import type { SearchResult } from '../api/types';
import { SEARCH_ID } from '../app/ui';
import { t } from '../i18n';
import { Empty, Loaded, usePageTitle } from '../ui/basics';
import { AlbumTile, ArtistTile, Shelf } from '../ui/Grid';
import { TrackList } from '../ui/TrackList';

const SETTLE_MS = 120;
const RESULTS = 24;
const TILE = 168;

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text.trim()), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

export function Search() {
  const [params, setParams] = useSearchParams();
  const [text, setText] = useState(params.get('q') ?? '');
  const words = useSettled(text);
  const { data, isPending, error, refetch } = useSearch(words, RESULTS);
  usePageTitle(t('nav.search'));
  const { pathname } = useLocation();
  const inAddress = params.get('q') ?? '';
  useEffect(() => {
    // Somebody may be on the way to another page already, while this one still stands.
    if (inAddress === words || window.location.pathname !== pathname) return;
    setParams(words === '' ? {} : { q: words }, { replace: true });
  }, [words, inAddress, pathname, setParams]);
  return (
    <div className="page">
      <h1 className="hidden">{t('nav.search')}</h1>
      <search>
        <label className="search">
          <Glass size={20} aria-hidden />
          <span className="hidden">{t('search.label')}</span>
          <input
            id={SEARCH_ID}
            data-testid="search"
            type="search"
            value={text}
            placeholder={t('search.placeholder')}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            autoFocus
            onChange={(event) => setText(event.target.value)}
          />
        </label>
      </search>
      {words === '' ? (
        <Empty icon={Glass} title={t('search.hint')} />
      ) : (
        <Loaded isPending={isPending} error={error} onRetry={refetch}>
          {data && <Results result={data} words={words} />}
        </Loaded>
      )}
    </div>
  );
}

function Results({ result, words }: { result: SearchResult; words: string }) {
  const { tracks, albums, artists } = result;
  const count = tracks.length + albums.length + artists.length;
  return (
    <>
      <p className="hidden" role="status">
        {t('search.found', { count })}
      </p>
      {count === 0 && <Empty icon={Glass} title={t('search.none', { words })} />}
      {artists.length > 0 && (
        <section>
          <h2>{t('nav.artists')}</h2>
          <Shelf items={artists} label={t('nav.artists')}>
            {(it) => <ArtistTile artist={it} size={TILE} />}
          </Shelf>
        </section>
      )}
      {albums.length > 0 && (
        <section>
          <h2>{t('nav.albums')}</h2>
          <Shelf items={albums} label={t('nav.albums')}>
            {(it) => <AlbumTile album={it} size={TILE} />}
          </Shelf>
        </section>
      )}
      {tracks.length > 0 && (
        <section>
          <h2>{t('search.tracks')}</h2>
          <TrackList tracks={tracks} label={t('search.tracks')} lead="cover" />
        </section>
      )}
    </>
  );
}

import { QueryClientProvider } from '@tanstack/react-query';
import { Direction, Tooltip } from 'radix-ui';
import { lazy, Suspense, useEffect } from 'react';
import { BrowserRouter, Navigate, Route, Routes } from 'react-router';
import { begin, useAccount } from '../api/account';
import { disconnect } from '../api/live';
import { queryClient } from '../api/queries';
import { forgetSettings } from '../app_settings';
import { direction, t } from '../i18n';
import { Home } from '../pages/Home';
import { searching } from '../search/store';
import { Button, Spinner } from '../ui/basics';
import { Shell } from './Shell';
import { useTheme } from './theme';

const TOOLTIP_DELAY_MS = 500;

const Albums = lazy(() => import('../pages/Albums').then((it) => ({ default: it.Albums })));
const Album = lazy(() => import('../pages/Album').then((it) => ({ default: it.AlbumPage })));
const Artists = lazy(() => import('../pages/Artists').then((it) => ({ default: it.Artists })));
const Artist = lazy(() => import('../pages/Artist').then((it) => ({ default: it.Artist })));
const Genres = lazy(() => import('../pages/Genres').then((it) => ({ default: it.Genres })));
const Genre = lazy(() => import('../pages/Genres').then((it) => ({ default: it.GenrePage })));
const Search = lazy(() => import('../pages/Search').then((it) => ({ default: it.Search })));
const Favourites = lazy(() => import('../pages/Favourites').then((it) => ({ default: it.Favourites })));
const Playlists = lazy(() => import('../pages/Playlists').then((it) => ({ default: it.Playlists })));
const Playlist = lazy(() => import('../pages/Playlist').then((it) => ({ default: it.PlaylistPage })));
const Person = lazy(() => import('../pages/Person').then((it) => ({ default: it.Person })));
const Library = lazy(() => import('../pages/Library').then((it) => ({ default: it.LibraryPage })));
const Settings = lazy(() => import('../pages/Settings').then((it) => ({ default: it.Settings })));
const SignIn = lazy(() => import('../pages/SignIn').then((it) => ({ default: it.SignIn })));
const SetUp = lazy(() => import('../pages/SignIn').then((it) => ({ default: it.SetUp })));

export function App() {
  useTheme();
  return (
    <QueryClientProvider client={queryClient}>
      <Direction.Provider dir={direction()}>
        <Tooltip.Provider delayDuration={TOOLTIP_DELAY_MS}>
          <BrowserRouter>
            <Suspense fallback={<Spinner />}>
              <Gate />
            </Suspense>
          </BrowserRouter>
        </Tooltip.Provider>
      </Direction.Provider>
    </QueryClientProvider>
  );
}

/** Who may see what. */
function Gate() {
  const status = useAccount((it) => it.status);
  useEffect(() => {
    void begin();
  }, []);
  useEffect(() => {
    if (status !== 'signedOut') return;
    // The next one to sign in may be somebody else.
    disconnect();
    queryClient.clear();
    searching.forget();
    forgetSettings();
  }, [status]);
  switch (status) {
    case 'starting':
      return <Spinner />;
    case 'offline':
      return <Offline />;
    case 'setup':
      return (
        <Routes>
          <Route path="/setup" element={<SetUp />} />
          <Route path="*" element={<Navigate to={`/setup${location.hash}`} replace />} />
        </Routes>
      );
    case 'signedOut':
      return <SignIn />;
    case 'signedIn':
      return <Pages />;
  }
}

function Pages() {
  return (
    <Routes>
      <Route element={<Shell />}>
        <Route index element={<Home />} />
        <Route path="search/:kind?" element={<Search />} />
        <Route path="albums" element={<Albums />} />
        <Route path="album/:id" element={<Album />} />
        <Route path="artists" element={<Artists />} />
        <Route path="artist/:id" element={<Artist />} />
        <Route path="genres" element={<Genres />} />
        <Route path="genre/:id" element={<Genre />} />
        <Route path="favourites" element={<Favourites />} />
        <Route path="playlists" element={<Playlists />} />
        <Route path="playlist/:id" element={<Playlist />} />
        <Route path="person/:id" element={<Person />} />
        <Route path="library" element={<Library />} />
        <Route path="settings" element={<Settings />} />
        <Route path="*" element={<Navigate to="/" replace />} />
      </Route>
    </Routes>
  );
}

function Offline() {
  return (
    <main className="door">
      <div className="door-card" role="alert">
        <img src="/icon.svg" alt="" width={64} height={64} />
        <h1>{t('offline.title')}</h1>
        <p className="muted">{t('offline.text')}</p>
        <Button variant="primary" onClick={() => void begin()}>
          {t('action.retry')}
        </Button>
      </div>
    </main>
  );
}

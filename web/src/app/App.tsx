import { QueryClientProvider } from '@tanstack/react-query';
import { Direction, Tooltip } from 'radix-ui';
import { Suspense, useEffect } from 'react';
import { BrowserRouter, Navigate, Route, Routes } from 'react-router';
import { begin, useAccount } from '../api/account';
import { disconnect } from '../api/live';
import { queryClient } from '../api/queries';
import { forgetSettings } from '../app_settings';
import { direction, t } from '../i18n';
import { Home } from '../pages/Home';
import { searching } from '../search/store';
import { Button, Spinner } from '../ui/basics';
import { later } from './chunks';
import { Shell } from './Shell';
import { useTheme } from './theme';

const TOOLTIP_DELAY_MS = 500;

const Albums = later(() => import('../pages/Albums').then((it) => it.Albums));
const Album = later(() => import('../pages/Album').then((it) => it.AlbumPage));
const Artists = later(() => import('../pages/Artists').then((it) => it.Artists));
const Artist = later(() => import('../pages/Artist').then((it) => it.Artist));
const Genres = later(() => import('../pages/Genres').then((it) => it.Genres));
const Genre = later(() => import('../pages/Genres').then((it) => it.GenrePage));
const Search = later(() => import('../pages/Search').then((it) => it.Search));
const Favourites = later(() => import('../pages/Favourites').then((it) => it.Favourites));
const Playlists = later(() => import('../pages/Playlists').then((it) => it.Playlists));
const Playlist = later(() => import('../pages/Playlist').then((it) => it.PlaylistPage));
const Person = later(() => import('../pages/Person').then((it) => it.Person));
const Library = later(() => import('../pages/Library').then((it) => it.LibraryPage));
const Settings = later(() => import('../pages/Settings').then((it) => it.Settings));
const SignIn = later(() => import('../pages/SignIn').then((it) => it.SignIn));
const SetUp = later(() => import('../pages/SignIn').then((it) => it.SetUp));

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

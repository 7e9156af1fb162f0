/** What is open. */
import { create } from 'zustand';

interface UiState {
  isQueueOpen: boolean;
  isNowPlayingOpen: boolean;
  showsLyrics: boolean;
  isHelpOpen: boolean;
}

export const useUi = create<UiState>(() => ({
  isQueueOpen: false,
  isNowPlayingOpen: false,
  showsLyrics: false,
  isHelpOpen: false,
}));

export const ui = {
  toggleQueue: () => useUi.setState((it) => ({ isQueueOpen: !it.isQueueOpen })),
  closeQueue: () => useUi.setState({ isQueueOpen: false }),
  openNowPlaying: (showsLyrics?: boolean) =>
    useUi.setState((it) => ({ isNowPlayingOpen: true, showsLyrics: showsLyrics ?? it.showsLyrics })),
  closeNowPlaying: () => useUi.setState({ isNowPlayingOpen: false }),
  toggleLyrics: () => useUi.setState((it) => ({ showsLyrics: !it.showsLyrics })),
  setHelp: (isHelpOpen: boolean) => useUi.setState({ isHelpOpen }),
};

/** The part of the page that scrolls. */
export const MAIN_ID = 'main';
export const SEARCH_ID = 'search';

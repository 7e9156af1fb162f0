/** The chosen theme on the root element; colours are in styles/tokens.css. */
import { useEffect } from 'react';
import { useSettings } from '../app_settings';

const COLORS = { light: '#faf9f7', dark: '#121214' };

export function useTheme(): void {
  const theme = useSettings((it) => it.theme);
  useEffect(() => {
    const root = document.documentElement;
    if (theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
    for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
      const ofSystem = meta.media.includes('dark') ? 'dark' : 'light';
      meta.content = COLORS[theme === 'system' ? ofSystem : theme];
    }
  }, [theme]);
}

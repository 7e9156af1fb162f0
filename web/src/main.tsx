import '@fontsource-variable/inter/index.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/lists.css';
import './styles/search.css';
import './styles/playing.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { currentLocale, direction } from './i18n';
import { installProbe } from './player/probe';

document.documentElement.lang = currentLocale();
document.documentElement.dir = direction();
installProbe();

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

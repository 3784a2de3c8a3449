// Puts the pages into the document.
import '@mantine/core/styles.css';
import './base.css';
import {localStorageColorSchemeManager, MantineProvider} from '@mantine/core';
import {QueryClient, QueryClientProvider} from '@tanstack/react-query';
import {StrictMode} from 'react';
import {createRoot} from 'react-dom/client';
import {BrowserRouter} from 'react-router-dom';
import {App} from './app';
import {NoticeProvider} from './common/notices';
import {SessionProvider} from './session/session_context';
import {LanguageProvider} from './text/language';
import {theme, variables} from './theme';

// The gateway writes a fresh nonce into the page with every answer; without it the policy would
// refuse the style elements that the components add.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => count < 2 && 'code' in error && error.code === 'unreachable',
      staleTime: 1000,
      refetchOnWindowFocus: false,
    },
  },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      colorSchemeManager={localStorageColorSchemeManager({key: 'edcsync.colours'})}
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queries}>
        <LanguageProvider>
          <NoticeProvider>
            <BrowserRouter future={{v7_startTransition: true, v7_relativeSplatPath: true}}>
              <SessionProvider>
                <App />
              </SessionProvider>
            </BrowserRouter>
          </NoticeProvider>
        </LanguageProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

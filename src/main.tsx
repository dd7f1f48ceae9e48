import '@fontsource-variable/inter';
import '@mantine/core/styles/baseline.css';
import '@mantine/core/styles/default-css-variables.css';
import '@mantine/core/styles/global.css';
import '@mantine/core/styles/ScrollArea.css';
import '@mantine/core/styles/UnstyledButton.css';
import '@mantine/core/styles/Button.css';
import '@mantine/core/styles/ActionIcon.css';
import '@mantine/core/styles/Loader.css';
import '@mantine/core/styles/Input.css';
import '@mantine/core/styles/InlineInput.css';
import '@mantine/core/styles/NumberInput.css';
import '@mantine/core/styles/Slider.css';
import '@mantine/core/styles/Switch.css';
import '@mantine/core/styles/Popover.css';
import '@mantine/core/styles/Menu.css';
import '@mantine/core/styles/Tooltip.css';
import '@mantine/core/styles/CloseButton.css';
import '@mantine/core/styles/Overlay.css';
import '@mantine/core/styles/ModalBase.css';
import '@mantine/core/styles/Modal.css';
import '@mantine/core/styles/Alert.css';
import '@mantine/core/styles/Paper.css';
import '@mantine/core/styles/FloatingIndicator.css';
import '@mantine/core/styles/SegmentedControl.css';
import '@mantine/core/styles/Progress.css';
import { MantineProvider } from '@mantine/core';
import { createRoot } from 'react-dom/client';
import { SCHEMES } from './schemes/index.ts';
import { createLab } from './state/store.ts';
import { App } from './ui/app/App.tsx';
import { theme } from './ui/app/theme.ts';
import { adoptThemeVariables } from './ui/app/theme-variables.ts';
import { LabProvider } from './ui/app/lab-context.tsx';
import { connectLab } from './worker/client.ts';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element "root".');

adoptThemeVariables();
const lab = createLab(SCHEMES, connectLab);
createRoot(root).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
    <LabProvider lab={lab}>
      <App />
    </LabProvider>
  </MantineProvider>,
);

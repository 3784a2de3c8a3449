// Quiet and dense: small controls, one accent, the system's own fonts. Colours are set in base.css.
import {createTheme, type CSSVariablesResolver, type MantineColorsTuple} from '@mantine/core';

const ink: MantineColorsTuple = [
  '#eef4fd',
  '#d9e6fa',
  '#b4cdf4',
  '#8bb2ee',
  '#6a9be8',
  '#4f86df',
  '#2f6bcc',
  '#1f5fbf',
  '#184e9f',
  '#123d7e',
];

// The library's greys, with the blue of the pages' own.
const dark: MantineColorsTuple = [
  '#e3e7ed',
  '#c9d0d9',
  '#a6afbb',
  '#7d8896',
  '#465262',
  '#323c49',
  '#232b35',
  '#1a2028',
  '#12171d',
  '#0c1015',
];

const fonts = [
  'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans"',
  '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif',
].join(', ');

const small = {defaultProps: {size: 'xs'}};

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: {light: 7, dark: 6},
  colors: {ink, dark},
  fontFamily: fonts,
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace',
  headings: {fontFamily: fonts, fontWeight: '650'},
  defaultRadius: 5,
  fontSizes: {xs: '13px', sm: '13.5px', md: '14px', lg: '16px', xl: '19px'},
  cursorType: 'pointer',
  components: {
    Button: small,
    TextInput: small,
    PasswordInput: small,
    NativeSelect: small,
    Textarea: small,
    Checkbox: small,
    Radio: small,
    Modal: {
      defaultProps: {lockScroll: false, transitionProps: {duration: 0}, closeButtonProps: {}},
    },
    Menu: {defaultProps: {transitionProps: {duration: 0}}},
    Tooltip: {defaultProps: {transitionProps: {duration: 0}, openDelay: 300}},
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-text': '#1c2430',
    '--mantine-color-dimmed': '#566070',
    '--mantine-color-placeholder': '#687282',
    '--mantine-color-error': '#a8321f',
    '--mantine-color-default-border': '#c3cad3',
  },
  dark: {
    '--mantine-color-body': '#1a2028',
    '--mantine-color-text': '#e3e7ed',
    '--mantine-color-dimmed': '#a6afbb',
    '--mantine-color-placeholder': '#939dab',
    '--mantine-color-error': '#ffb0a1',
    '--mantine-color-default': '#222a34',
    '--mantine-color-default-hover': '#2a333f',
    '--mantine-color-default-border': '#465262',
    '--mantine-color-anchor': '#8cb8ff',
  },
});

// Language and colours, each remembered in this browser.
import {NativeSelect, useMantineColorScheme, type MantineColorScheme} from '@mantine/core';
import type {Language} from '../text/dictionary';
import {useLanguage} from '../text/language';

export function LanguageSwitch() {
  const {language, setLanguage, text} = useLanguage();
  return (
    <NativeSelect
      aria-label={text.common.language}
      value={language}
      onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      data={[
        {value: 'en', label: 'English'},
        {value: 'zh', label: '简体中文'},
      ]}
    />
  );
}

export function ColoursSwitch() {
  const {colorScheme, setColorScheme} = useMantineColorScheme();
  const {text} = useLanguage();
  const as = text.common.coloursAs;
  return (
    <NativeSelect
      aria-label={text.common.colours}
      value={colorScheme}
      onChange={(event) => setColorScheme(event.currentTarget.value as MantineColorScheme)}
      data={[
        {value: 'auto', label: as.auto},
        {value: 'light', label: as.light},
        {value: 'dark', label: as.dark},
      ]}
    />
  );
}

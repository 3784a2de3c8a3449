// The two dictionaries. English sets the shape and Chinese must have it exactly: a missing or a
// superfluous key does not compile.
import {en} from './en';
import {zh} from './zh';

export type Dictionary = typeof en;
export type Language = 'en' | 'zh';

export const dictionaries: Record<Language, Dictionary> = {en, zh};

// What stands in the html element's lang attribute and in Accept-Language.
export const languageTags: Record<Language, string> = {en: 'en', zh: 'zh-Hans'};

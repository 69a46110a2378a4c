// SPDX-License-Identifier: Apache-2.0
// Dark, light, or as the system has it.
import {signal} from '@preact/signals';
import {remember, recall} from './memory';

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
export const theme = signal<Theme>(THEMES.find(t => t === recall('theme')) ?? 'system');

export function applyTheme(): void {
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
}

export function setTheme(next: Theme): void {
    theme.value = next;
    remember('theme', next);
    applyTheme();
}

export function nextTheme(): void {
    setTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system');
}

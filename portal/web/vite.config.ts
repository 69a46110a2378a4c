// SPDX-License-Identifier: Apache-2.0
import {defineConfig} from 'vitest/config';

export default defineConfig(async ({command}) => ({
    // The mock serves `vite` and `vite preview`; a build has nothing of it.
    plugins: command === 'serve' && process.env.VITEST === undefined ? [(await import('./dev/mock.ts')).mock()] : [],
    build: {
        target: 'es2022',
        // The policy allows data: for images alone, and everything else must be a file of this origin.
        assetsInlineLimit: 0,
        modulePreload: {polyfill: false},
        license: {fileName: 'licenses.md'},
        rolldownOptions: {
            output: {
                entryFileNames: 'assets/[name]-[hash].js',
                chunkFileNames: 'assets/[name]-[hash].js',
                assetFileNames: 'assets/[name]-[hash][extname]',
            },
        },
    },
    worker: {format: 'es' as const},
    test: {include: ['src/**/*.test.ts'], environment: 'node' as const},
}));

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const OUT = here("../static/dist");

/** The reader's worker, and the tables it needs for Chinese PDFs and PDFs without embedded fonts. */
function pdfFiles(): Plugin {
  const from = here("node_modules/pdfjs-dist");
  return {
    name: "pdf-files",
    closeBundle() {
      mkdirSync(`${OUT}/pdf`, { recursive: true });
      cpSync(`${from}/legacy/build/pdf.worker.min.mjs`, `${OUT}/pdf/worker.js`);
      for (const folder of ["cmaps", "standard_fonts", "wasm", "iccs"]) {
        if (existsSync(`${from}/${folder}`)) cpSync(`${from}/${folder}`, `${OUT}/pdf/${folder}`, { recursive: true });
      }
    },
  };
}

/** A twin of every script, which the web server sends to browsers that take gzip. */
function compressed(): Plugin {
  return {
    name: "compressed",
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (entry.isFile() && /\.(js|css)$/.test(path))
          writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: here("."),
  base: "./",
  publicDir: false,
  plugins: [pdfFiles(), compressed()],
  // A third of the chat page's script was tables that nothing here uses.
  resolve: { alias: { entities: here("src/stand_ins/entities.ts"), "linkify-it": here("src/stand_ins/linkify.ts") } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      input: { main: here("src/main.ts"), chat: here("src/chat.ts"), reader: here("src/reader.ts") },
      preserveEntrySignatures: "exports-only",
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "parts/[name]-[hash].js",
        assetFileNames: "parts/[name][extname]",
      },
    },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.ts"], testTimeout: 60_000 },
});

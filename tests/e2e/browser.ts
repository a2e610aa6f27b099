/** A Chromium for tests that look at a page as a person would. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { ROOT } from "./commands.ts";

/** As scripts/setup unpacked it: with the libraries and the font it needs beside it. */
const INSTALLED = join(ROOT, ".tools/npm/chromium");
const USUAL_PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** PAWL_CHROMIUM, else the one of scripts/setup, else one where they usually are; null where there is none. */
export function findChromium(): string | null {
  const named = Deno.env.get("PAWL_CHROMIUM");
  if (named) {
    if (!existsSync(named)) throw new Error(`PAWL_CHROMIUM names no file: ${named}`);
    return named;
  }
  return [join(INSTALLED, "chromium"), ...USUAL_PLACES].find((path) => existsSync(path)) ?? null;
}

export async function startBrowser(chromium: string): Promise<Browser> {
  const own = chromium.startsWith(INSTALLED)
    ? { LD_LIBRARY_PATH: join(INSTALLED, "lib"), FONTCONFIG_FILE: join(INSTALLED, "fonts.conf") }
    : {};
  return await puppeteer.launch({
    executablePath: chromium,
    // What is shown is the project's own; root, as in a container, gets no sandbox.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    env: { ...Deno.env.toObject(), ...own },
  });
}

export interface Look {
  name: string;
  width: number;
  height: number;
  touch: boolean;
  scheme: "light" | "dark";
}

export interface Looked {
  page: Page;
  /** What the console said at the level of a warning or above, and errors that nobody caught. */
  complaints: string[];
  /** Addresses asked for. */
  requests: string[];
}

export async function look(browser: Browser, url: string, { width, height, touch, scheme }: Look): Promise<Looked> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warn", "assert"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  await page.setViewport({ width, height, isMobile: touch, hasTouch: touch, deviceScaleFactor: touch ? 2 : 1 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url, { waitUntil: "load" });
  return { page, complaints, requests };
}

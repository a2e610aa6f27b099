import { serve } from "../_shared/serve.ts";
import * as glue from "./pkg/function.js";
import { wasm } from "./pkg/wasm.js";

export default serve(glue, wasm);

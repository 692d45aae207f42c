# The folder that outputs are written to, and outputs.yaml in it, which says what each is. It is written as JSON, which
# every reader of YAML reads.

KINDS <- c(
  "frequency", "magnitude", "quantile", "extreme", "spread", "regression", "ratio", "survival", "histogram", "plot",
  "association", "concentration", "model", "text"
)

OUTBOX <- "/home/researcher/outbox"
IMPORTED <- "/imports/files"

# Where a file of this name is to be written, to be taken out of the job; without a name, the folder.
outbox <- function(file = NULL) {
  if (is.null(file)) OUTBOX else file.path(OUTBOX, bare(file))
}

# The path of a file that was let in for the project; without a name, all of them.
imported <- function(file = NULL) {
  if (is.null(file)) return(list.files(IMPORTED, full.names = TRUE))
  path <- file.path(IMPORTED, bare(file))
  if (!file.exists(path)) stop(file, " was not let in for this project.", call. = FALSE)
  path
}

# Write a table to the outbox, and say in outputs.yaml what it is.
#
# frame: NULL for a file that is there already, such as a picture.
# statistics: what a column is, such as list(mean_amount = "mean").
# units: the column that counts the distinct units behind each row.
# ...: n, df, rounding, method, table, as outputs.yaml has them.
output <- function(frame, file, kind, dims = character(), statistics = list(), units = "", sql = "", ...) {
  if (!kind %in% KINDS) stop(kind, " is no kind of output. One of ", paste(KINDS, collapse = ", "), ".", call. = FALSE)
  path <- outbox(file)
  if (!is.null(frame)) {
    named <- c(dims, names(statistics), units[nzchar(units)])
    unknown <- setdiff(named, names(frame))
    if (length(unknown)) {
      stop("The table has no column ", unknown[[1]], ". It has ", paste(names(frame), collapse = ", "), ".", call. = FALSE)
    }
    if (grepl("\\.json$", file, ignore.case = TRUE)) {
      jsonlite::write_json(frame, path, dataframe = "rows", digits = NA, na = "null")
    } else {
      data.table::fwrite(frame, path, na = "")
    }
  }
  told <- list(dims = as.list(dims), statistics = as.list(statistics), units = units, sql = sql, ...)
  told <- told[vapply(told, function(value) length(value) > 0 && !identical(value, ""), NA)]
  declare(file, c(list(kind = kind), told))
  invisible(path)
}

declare <- function(file, entry) {
  place <- outbox("outputs.yaml")
  files <- tryCatch(
    jsonlite::fromJSON(place, simplifyVector = FALSE)$files,
    error = function(unreadable) list()
  )
  files[[file]] <- entry
  document <- list(format = "sandbox-outputs-v1", files = files)
  jsonlite::write_json(document, place, auto_unbox = TRUE, pretty = TRUE, digits = NA)
}

bare <- function(file) {
  if (!is.character(file) || length(file) != 1 || basename(file) != file || file %in% c("", ".", "..")) {
    stop("Give the bare name of one file, such as table.csv.", call. = FALSE)
  }
  file
}

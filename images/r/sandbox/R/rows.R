# The rows that code works on: CSV files, and schema.json, which says what type each column has.

ROWS <- "/data"

schema <- function() {
  file <- file.path(ROWS, "schema.json")
  if (!file.exists(file)) stop("No rows lie here: code in R reads them in a job.", call. = FALSE)
  jsonlite::fromJSON(file, simplifyVector = FALSE)
}

# The names of the tables that lie here.
tables <- function() sort(names(schema()$tables))

# A table's rows, as a data frame. The only table when none is named.
#
# Numbers that fit are integers; larger ones are doubles, exact to 2^53. Dates are Dates, text is character. What is not
# there is NA; an empty text is an empty text.
data <- function(table = NULL) {
  found <- schema()$tables
  if (is.null(table)) {
    if (length(found) != 1) stop("There are several tables here: ", listed(names(found)), ".", call. = FALSE)
    table <- names(found)
  }
  if (!is.character(table) || length(table) != 1 || !table %in% names(found)) {
    stop("There is no such table here. Choose from ", listed(names(found)), ".", call. = FALSE)
  }
  columns <- found[[table]]$columns
  types <- vapply(columns, function(column) column$type, "")
  rows <- data.table::fread(
    file.path(ROWS, found[[table]]$file),
    sep = ",", header = TRUE, quote = "\"", na.strings = "", strip.white = FALSE, encoding = "UTF-8",
    colClasses = rep("character", length(types)), data.table = FALSE, showProgress = FALSE
  )
  if (nrow(rows) != found[[table]]$rows) stop("The rows cannot be read as they were written.", call. = FALSE)
  names(rows) <- vapply(columns, function(column) column$name, "")
  for (place in seq_along(types)) rows[[place]] <- typed(rows[[place]], types[[place]])
  rows
}

typed <- function(cells, type) {
  switch(type,
    integer = whole(cells),
    decimal = as.numeric(cells),
    boolean = cells == "true",
    date = as.Date(cells),
    gsub("\"\"", "\"", cells, fixed = TRUE) # each text is quoted, with the quotes in it doubled
  )
}

whole <- function(cells) {
  numbers <- as.numeric(cells)
  if (any(abs(numbers) > 2^53, na.rm = TRUE)) warning("Some whole numbers are too large to be exact.", call. = FALSE)
  if (all(is.na(numbers) | abs(numbers) <= .Machine$integer.max)) as.integer(numbers) else numbers
}

listed <- function(names) paste(sort(names), collapse = ", ")

-- Last: PostgREST learns of the functions above.
notify pgrst, 'reload schema';
